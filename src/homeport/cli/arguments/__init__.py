"""The arguments of the commands and their help. Standard library only: all of it is loaded for ``--help``."""
