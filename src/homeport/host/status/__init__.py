"""Looks at environments for ``homeport status``."""
