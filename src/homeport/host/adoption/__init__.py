"""Servers that were started by hand: found, kept as they are, ended, started again; and what is checked of their data."""
