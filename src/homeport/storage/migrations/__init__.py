"""Migrations of the schema, run by :mod:`homeport.storage.sqlite.migrating`.

Each file of ``versions`` says in ``PREVIOUS_RELEASE_CAN_RUN`` whether the release before it can go on using the
database after the migration: a deployment then lets both run side by side, else it holds calls meanwhile.
"""
