"""What a machine with systemd and nginx must hold for an environment, and the plans that make it so.

Pure: texts of units and of nginx's files are derived from :class:`Environment` and the program that runs; what the
machine holds now comes in as facts, from :mod:`homeport.host.machine`.
"""
