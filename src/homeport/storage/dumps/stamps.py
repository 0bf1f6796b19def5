"""Which database a data directory says that its data are in."""

from __future__ import annotations

from pathlib import Path

from homeport.contract import DatabaseAddress
from homeport.storage.dumps.cluster import Cluster
from homeport.whereabouts import read_whereabouts, write_whereabouts


def cluster_of(directory: Path, declared: DatabaseAddress | None) -> Cluster | None:
    """The database that a data directory names; None where it names none.

    Args:
        directory: of data, or of a copy.
        declared: the environment's own, of which a copy's has the password.

    Raises:
        CannotStartError: the file that names it cannot be read.
    """
    url = read_whereabouts(directory)
    return None if url is None else Cluster(DatabaseAddress(url, declared.password_file if declared else None))


def stamp(directory: Path, cluster: Cluster) -> None:
    """Writes into a data directory which database has its data."""
    write_whereabouts(directory, cluster.address.url)
