"""Whether a server that has a database open can go on with it: it may change under the server's feet.

Another machine's deploy migrates it, and another machine's rollback takes its data back. Every transaction asks in the
very message that begins it, so that none works on what its server does not understand. To which database a connection
is, is asked once for each: a restore puts another one in its place, and a connection stays where it was made to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg

from homeport.contract.servers import lives_with
from homeport.errors import UnavailableError
from homeport.storage.migrations.revisions import HEAD
from homeport.storage.sql.database import Row

SCHEMA: Final = "(SELECT version_num FROM alembic_version), (SELECT usable_from FROM homeport_identity)"
"""Two columns of a row: what :meth:`Standing.check` takes."""
FITS: Final = f"""
    EXISTS (
        SELECT FROM alembic_version, homeport_identity WHERE version_num = '{HEAD}'
            OR (version_num > '{HEAD}' AND usable_from BETWEEN 1 AND {int(HEAD)})
    )
"""
"""Whether this version can use the database as it is: the same as an expression."""
THIS: Final = "(SELECT oid FROM pg_database WHERE datname = current_database())"
"""The number of the database that is asked, as a value."""
_WHICH: Final = f"SELECT CAST({THIS} AS BIGINT)"


def which(connection: psycopg.Connection[Row]) -> int:
    """The number of the database that a connection is to, which no other one has and no new name changes."""
    [(oid,)] = connection.execute(_WHICH).fetchall()
    return int(oid)


class Standing:
    """What a store was opened on, and what it may go on with.

    Args:
        place: what errors call the database.
        database: of :func:`which`.
        revision: of its schema.

    Attributes:
        revision: of the schema, as it was seen last.
    """

    def __init__(self, place: str, database: int, revision: str) -> None:
        self._place = place
        self._database = database
        self.revision = revision

    def check_database(self, connection: psycopg.Connection[Row]) -> None:
        """Refuses a connection that is to another database than the one that was opened.

        Raises:
            UnavailableError: it is.
        """
        if which(connection) != self._database:
            raise UnavailableError(
                f"Another database has taken the place of {self._place} while this server had it open: a restore, a"
                " sync or a way back to older data.",
                "Start this server anew: homeport restart ENV. Nothing of this was stored.",
            )

    def check(self, schema: Sequence[Any]) -> None:
        """Refuses a schema that this version cannot live with.

        Args:
            schema: what :data:`SCHEMA` found.

        Raises:
            UnavailableError: it cannot.
        """
        revision, usable_from = schema
        if revision == self.revision:
            return
        if revision is None or not lives_with(HEAD, revision, usable_from or 0):
            raise UnavailableError(
                f"{self._place[0].upper()}{self._place[1:]} has schema {revision or 'none'} by now, which this server"
                f" cannot live with: it knows {HEAD}. Another machine's deploy or rollback has changed it.",
                "Bring this machine to that release too: homeport deploy ENV, or homeport rollback ENV."
                " Nothing of this was stored.",
            )
        self.revision = revision
