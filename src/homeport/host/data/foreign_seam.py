"""The seam over the data directory of a server that is not Homeport's."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from homeport.contract import SNAPSHOT_FILE, Origin, Scrub
from homeport.contract.losses import DataLoss
from homeport.errors import HomeportError, UsageError
from homeport.files import write_atomically
from homeport.host.data.databases import count_rows, is_database
from homeport.host.data.foreign import snapshot_foreign
from homeport.host.data.seam import DataDescription


class ForeignData:
    """Files, and whatever SQLite databases are among them.

    Args:
        environment: whose.
        now: the clock.
    """

    def __init__(self, environment: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._environment = environment
        self._now = now

    def snapshot(self, source: Path, into: Path) -> DataDescription:
        found = snapshot_foreign(source, into)
        return DataDescription(
            application="foreign",
            counts=found.counts,
            oddities=tuple(map(str, found.odd)),
            left_out=found.left_out,
        )

    def ready(self, directory: Path) -> DataDescription:
        return self.examine(directory)

    def tidy(self) -> None:
        """There is nothing elsewhere."""

    def examine(self, directory: Path, *, deep: bool = True) -> DataDescription:
        counts: dict[str, int] = {}
        problems = []
        for file in sorted(directory.rglob("*")) if deep else ():
            path = str(file.relative_to(directory))
            try:
                counts |= _counted(file, path)
            except HomeportError as error:
                problems.append(error.sentence)
        return DataDescription(application="foreign", counts=counts, problems=tuple(problems))

    def lost_after(self, source: Path, description: DataDescription) -> DataLoss | None:
        return None

    def prepare(self, directory: Path, origin: str, scrub: Scrub) -> None:
        if scrub != "none":
            raise UsageError(
                f"Nobody knows what is secret in the data of {origin}: its server is not Homeport's.",
                "--scrub none copies them as they are.",
            )
        now = self._now().isoformat(timespec="seconds")
        told = Origin(
            environment=self._environment,
            origin=origin,
            origin_identity="",
            position=0,
            position_at=now,
            prepared_at=now,
            scrub=scrub,
        )
        write_atomically(directory / SNAPSHOT_FILE, json.dumps(told, indent=2) + "\n")


def _counted(file: Path, path: str) -> dict[str, int]:
    """What a snapshot counts of a file: rows of a database, things at the top of a JSON document."""
    if not file.is_file():
        return {}
    if is_database(file):
        return {f"{path}:{table}": rows for table, rows in count_rows(file).items()}
    if not path.endswith(".json"):
        return {}
    try:
        found = json.loads(file.read_bytes())
    except ValueError:
        return {}
    return {path: len(found)} if isinstance(found, list | dict) else {}
