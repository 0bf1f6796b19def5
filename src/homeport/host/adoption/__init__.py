"""Servers that were started by hand: found, kept as they are, ended and started again, and their data compared."""
