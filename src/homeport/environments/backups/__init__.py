"""Backups as values: what an archive says it holds, what is known about it, and what its files are called.

Pure: reading, writing and packing is in :mod:`homeport.host.archives`.
"""
