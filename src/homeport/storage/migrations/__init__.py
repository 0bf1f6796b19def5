"""Migrations of the schema, run by :mod:`homeport.storage.migrations.running`; docs/migrations.md is their guide.

Each file of ``versions`` has

- ``upgrade()``, which changes the database, with Alembic's operations;
- ``verify(connection)``, which answers one sentence for each thing that is not as it must be from this revision on. It
  reads only. It is asked after ``upgrade`` in the same transaction, which does not stay where it finds something, and
  by ``homeport migrate --verify`` at any time;
- ``PREVIOUS_RELEASE_CAN_RUN``: whether the release before it can go on using the database after the migration. A
  deployment then lets both run side by side, and goes back without touching the data; else it holds calls meanwhile,
  and keeps a copy.
"""
