"""Places where backups are kept besides the machine's own disk.

:func:`~homeport.host.places.opening.open_place` makes one from its URL; what it can do is
:class:`~homeport.host.places.place.Place`.
"""
