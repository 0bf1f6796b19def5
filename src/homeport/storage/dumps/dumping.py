"""A dump of a database as it is at one moment, while its servers write, and what it holds at that same moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homeport.errors import HomeportError
from homeport.files import sync_directory
from homeport.storage.dumps.cluster import Cluster, major_version, told
from homeport.storage.dumps.examining import examine
from homeport.storage.dumps.programs import find_program, run_program
from homeport.storage.snapshots.copying import sync_file
from homeport.storage.snapshots.examining import Examination

MODE: Final = 0o600
_PARTIAL: Final = ".partial"
_LOCK_MS: Final = 60_000
"""How long pg_dump waits for a table that a migration holds."""


@dataclass(frozen=True, slots=True)
class Dumped:
    """What a dump holds.

    Attributes:
        found: in the database, at the moment of the dump.
        server: the server's major version.
    """

    found: Examination
    server: int


def dump(cluster: Cluster, target: Path) -> Dumped:
    """Dumps a database to a new file, which is on the disk when this returns; under its name is all of it or nothing.

    The transaction that counts lends its snapshot to pg_dump: both see the same rows, whatever is written meanwhile.
    The file is not compressed: it is packed with the other files of a backup.

    Raises:
        HomeportError: the server cannot be reached, its programs are missing, the user may not read everything, or the
            file cannot be written.
    """
    partial = target.with_name(f"{target.name}{_PARTIAL}")
    try:
        with cluster.connected() as connection:
            major = major_version(connection)
            program = find_program("pg_dump", major)
            with told(f"The database {cluster.name} cannot be read"):
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                row = connection.execute("SELECT pg_export_snapshot()").fetchone()
                found = examine(connection, deep=False)
            partial.touch(MODE, exist_ok=False)
            run_program(
                cluster,
                program,
                "--format=custom",
                "--compress=0",
                # What servers said to each other a moment ago is no part of the data.
                "--no-unlogged-table-data",
                f"--snapshot={row[0] if row else ''}",
                f"--lock-wait-timeout={_LOCK_MS}",
                f"--file={partial}",
            )
        sync_file(partial)
        partial.rename(target)
        sync_directory(target.parent)
    except OSError as error:
        raise HomeportError(f"{target} cannot be written: {error.strerror}.", "Look at its disk.") from error
    finally:
        partial.unlink(missing_ok=True)
    return Dumped(found, major)
