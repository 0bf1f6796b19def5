"""The one seam between backups and whatever it is that they save: Homeport's own store, or another server's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from homeport.contract import Scrub
from homeport.contract.losses import DataLoss
from homeport.environments.backups.manifest import Application


@dataclass(frozen=True, slots=True)
class DataDescription:
    """What a snapshot holds.

    Attributes:
        application: whose data they are.
        identity: the id in their ``identity.json``; None for another server's.
        schema_version: of the store; None where there is none that is known.
        counts: rows by table; for another server's files, what was counted of them.
        position: the number of the last event; None where nothing is numbered.
        position_at: when that was, RFC 3339.
        left_out: paths of what is in the data and not in the copy.
        oddities: what was left out or is not as it should be and is no reason to stop, in words.
        problems: why it is no good copy, in words; empty where it is one.
        too_new: whether its schema is newer than the release that looked at it knows.
        pending: migrations that the release would run on it.
        taken: when it was begun, RFC 3339; None where nobody knows.
    """

    application: Application
    identity: str | None = None
    schema_version: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    position: int | None = None
    position_at: str | None = None
    left_out: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    too_new: bool = False
    pending: tuple[str, ...] = ()
    taken: str | None = None


class DataSeam(Protocol):
    """What can be done with an environment's data without knowing what they are."""

    def snapshot(self, source: Path, into: Path) -> DataDescription:
        """Copies a data directory consistently while its server writes.

        Args:
            source: the live data directory.
            into: must not exist; the directory that it is in must, and has room.

        Raises:
            HomeportError: there is no good copy; ``into`` does not exist, or may be removed.
        """

    def examine(self, directory: Path, *, deep: bool = True) -> DataDescription:
        """Looks at data without changing them: at every row and reference of a snapshot, or only whether they open."""

    def ready(self, directory: Path) -> DataDescription:
        """Makes a snapshot into data that a server can open, where it is not, and looks at every row of it.

        Whether they were in a file or in a database when it was taken, they are in what the environment has now.

        Args:
            directory: a snapshot of this seam's environment, in a directory that goes with the operation.
        """

    def tidy(self) -> None:
        """Removes what copies had elsewhere than in their directories, which are gone.

        Raises:
            HomeportError: it cannot be; the next operation tries again.
        """

    def lost_after(self, source: Path, description: DataDescription) -> DataLoss | None:
        """What the live data hold that a snapshot does not; None where that cannot be counted."""

    def prepare(self, directory: Path, origin: str, scrub: Scrub) -> None:
        """Makes a snapshot of another environment into data of this seam's environment, in its place.

        Raises:
            HomeportError: it cannot be; the directory is then to be thrown away.
        """
