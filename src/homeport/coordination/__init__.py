"""The domain: instances, projects, tasks, messages, lessons and roles, and what may be done with them.

Pure: values and functions over the :class:`~homeport.coordination.store.Records` port. Time is an argument
(milliseconds since the epoch, UTC), ids come from a source that is passed in, and nothing here knows of
HTTP, MCP, SQL or files. One file a noun.
"""
