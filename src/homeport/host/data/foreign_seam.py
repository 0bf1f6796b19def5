"""The seam over the data directory of a server that is not Homeport's."""

from __future__ import annotations

from pathlib import Path

from homeport.contract import DataLoss
from homeport.host.data.databases import count_rows, is_database
from homeport.host.data.foreign import snapshot_foreign
from homeport.host.data.seam import DataDescription


class ForeignData:
    """Files, and whatever SQLite databases are among them."""

    def snapshot(self, source: Path, into: Path) -> DataDescription:
        found = snapshot_foreign(source, into)
        return DataDescription(
            application="foreign",
            counts=found.counts,
            oddities=tuple(map(str, found.odd)),
        )

    def examine(self, directory: Path) -> DataDescription:
        counts = {}
        for file in sorted(directory.rglob("*")):
            if file.is_file() and is_database(file):
                path = str(file.relative_to(directory))
                counts.update({f"{path}:{table}": rows for table, rows in count_rows(file).items()})
        return DataDescription(application="foreign", counts=counts)

    def lost_after(self, source: Path, description: DataDescription) -> DataLoss | None:
        return None
