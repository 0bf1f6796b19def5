"""Servers as services: what runs, how it is, and whether an answer is really its."""
