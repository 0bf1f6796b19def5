"""Alembic's entry: runs on the connection that it is handed, within the transaction that this one is in."""

from __future__ import annotations

from alembic import context

from homeport.storage.schema import METADATA, is_ours

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    include_object=is_ours,
    render_as_batch=True,
    transactional_ddl=True,
    on_version_apply=context.config.attributes["applied"],
)
context.run_migrations()
