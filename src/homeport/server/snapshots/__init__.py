"""Snapshots of an environment's data: taken while it is used, examined, made into another environment's."""
