"""Adapters of the domain's ``Store`` port: SQLite for servers, plain dictionaries for tests."""
