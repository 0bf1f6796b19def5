"""A dump brought to life again: restored into a scratch database, which is where it is examined, changed and served."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from homeport.errors import HomeportError
from homeport.storage.dumps.cluster import Cluster, major_version, told
from homeport.storage.dumps.programs import find_program, run_program
from homeport.storage.dumps.scratch import made

_MOST_JOBS: Final = 4


class BrokenDumpError(HomeportError):
    """A dump cannot be restored: it is damaged, or was never whole."""


@contextmanager
def loaded(cluster: Cluster, file: Path, *, owner: Path | None = None) -> Iterator[Cluster]:
    """A scratch database with what is in a dump, while the block runs.

    Args:
        cluster: the database that it is beside, which need not be there.
        file: the dump.
        owner: see :func:`homeport.storage.dumps.scratch.made`.

    Raises:
        BrokenDumpError: the dump cannot be restored.
        HomeportError: no database can be made, or the programs are missing.
    """
    with made(cluster, owner) as scratch:
        restore(scratch, file)
        yield scratch


def restore(target: Cluster, file: Path) -> None:
    """Restores a dump into an empty database, whole or not at all, and counts for the planner what is in it.

    Raises:
        BrokenDumpError: it cannot be restored.
        HomeportError: the programs are missing, or the server cannot be reached.
    """
    with target.connected() as connection:
        program = find_program("pg_restore", major_version(connection))
    jobs = min(_MOST_JOBS, os.cpu_count() or 1)
    # Who owns what where it came from, and who may read it there, is nothing of the data.
    words = ("--no-owner", "--no-privileges", "--exit-on-error", f"--jobs={jobs}")
    try:
        run_program(target, program, *words, str(file))
    except HomeportError as error:
        raise BrokenDumpError(f"{file} cannot be restored: {error.sentence}", "Use another backup.") from None
    with target.connected() as connection, told(f"The database {target.name} cannot be analysed"):
        connection.execute("ANALYZE")
