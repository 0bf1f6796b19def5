"""Migrations run on copies of an environment's data, Homeport's own or another server's."""
