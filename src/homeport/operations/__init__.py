"""The catalogue of operations: what a caller can ask for, once, for every way of asking.

MCP tools, the JSON API and their documentation are made from it. An operation is a name, typed arguments, and
plain work over the domain's records; transports only carry it.
"""
