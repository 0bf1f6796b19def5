"""The environments half's only effects: processes, files, sockets.

Everything that is decided, is decided in :mod:`homeport.environments`; here it is done.
"""
