"""Asks migrations that ran on a database whether it is as they must have left it. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pysqlite3 import dbapi2

from homeport.storage.migrations.running import Finding, verify
from homeport.storage.snapshots.reading import open_for_reading
from homeport.storage.sqlite.migrating import is_outer


def verified(path: Path, revisions: Iterable[str], *, frozen: bool) -> list[Finding]:
    """What is not as these revisions must have left it; for ``frozen`` see :func:`open_for_reading`.

    Raises:
        DatabaseError: it cannot be read, or one of the revisions tries to write.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    with open_for_reading(path, frozen=frozen) as database:
        made = create_engine("sqlite://", module=dbapi2, creator=lambda: database, poolclass=StaticPool)
        try:
            with made.connect() as connection:
                return verify(connection, revisions, is_outer)
        except DBAPIError as error:
            raise error.orig or error from error
