"""What the machines of an environment say of its backups, where each of their servers reads it: in the database.

A row says of which database it is, by the number that no other one of the cluster ever has: a copy, a drill and what
was restored have the rows of the database that they are from, and these say nothing of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from homeport.contract import BackupRecord
from homeport.coordination.store import Records, Store
from homeport.storage.postgres.standing import THIS
from homeport.storage.sql.probing import own

TABLE: Final = "homeport_backups"
MAKE: Final = f"""
    CREATE TABLE IF NOT EXISTS {TABLE} (
        teller TEXT CONSTRAINT pk_{TABLE} PRIMARY KEY,
        told_of OID NOT NULL,
        last_backup TEXT,
        last_drill TEXT,
        proven BOOLEAN NOT NULL
    )
"""
KNOWN: Final = f"SELECT teller, last_backup, last_drill, proven FROM {TABLE} WHERE told_of = {THIS}"  # noqa: S608 - made of constants
_TELL: Final = f"""
    INSERT INTO {TABLE} (teller, told_of, last_backup, last_drill, proven) VALUES (?, {THIS}, ?, ?, ?)
    ON CONFLICT (teller) DO UPDATE SET told_of = excluded.told_of, last_backup = excluded.last_backup,
        last_drill = excluded.last_drill, proven = excluded.proven
"""  # noqa: S608 - as above
_OF_OTHERS: Final = f"DELETE FROM {TABLE} WHERE told_of <> {THIS}"  # noqa: S608 - as above


class Proofs:
    """The rows of one database.

    Args:
        store: of it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def tell(self, teller: str, record: BackupRecord) -> None:
        """Says how the backups of one machine are.

        Raises:
            UnavailableError: the database cannot be written now.
        """
        values = (teller, record["last_backup"], record["last_drill"], record["proven"])

        def work(records: Records) -> None:
            database = own(records).database
            database.execute(_OF_OTHERS)
            database.execute(_TELL, values)

        await self._store.write(work)

    async def known(self) -> Mapping[str, BackupRecord]:
        """What each machine has said.

        Raises:
            UnavailableError: the database cannot be read now.
        """

        def work(records: Records) -> dict[str, BackupRecord]:
            rows: list[Any] = own(records).database.execute(KNOWN).fetchall()
            return {
                teller: BackupRecord(last_backup=backup, last_drill=drill, proven=proven)
                for teller, backup, drill, proven in rows
            }

        return await self._store.read(work)
