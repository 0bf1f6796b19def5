"""Reads backups back, from here and from every place, long after they were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from homeport.environments.backups.record import USABLE, Copy, Record, with_copy
from homeport.errors import HomeportError
from homeport.host.archives.sealing import Identity
from homeport.host.archives.verifying import verify, verify_chunks
from homeport.host.backups.creating import Surroundings


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one archive at one place."""

    backup: str
    place: str
    fault: str | None
    """None where every byte is what was written."""

    def as_json(self) -> dict[str, object]:
        return {"backup": self.backup, "place": self.place, "good": self.fault is None, "fault": self.fault}


def verify_backup(
    around: Surroundings, record: Record, identities: Sequence[Identity] = (), *, everywhere: bool = True
) -> list[Verdict]:
    """Reads one backup back from wherever it should be, and writes down what came of it.

    Args:
        around: of the environment.
        record: of the backup.
        identities: to look into sealed ones.
        everywhere: whether the declared places are read as well.
    """
    verdicts = [
        Verdict(
            record.backup, str(around.shelf.directory), _local_fault(around.shelf.archive(record), record, identities)
        )
    ]
    here = verdicts[0].fault
    if record.state in USABLE and here is not None:
        record = replace(record, state="failed", reason=here)
    for place in around.places() if everywhere else ():
        fault = None
        try:
            name = around.shelf.archive(record).name
            verify_chunks(place.read(name), f"{place.name}/{name}", record, identities)
        except HomeportError as error:
            fault = str(error)
        checked = around.now().isoformat(timespec="milliseconds")
        record = with_copy(record, Copy(place.name, "failed" if fault else "good", checked, fault))
        verdicts.append(Verdict(record.backup, place.name, fault))
    if record.state in USABLE:
        whole = all(copy.state == "good" for copy in record.copies)
        record = replace(record, state="good" if whole else "written")
    around.shelf.write(record)
    return verdicts


def _local_fault(archive: Path, record: Record, identities: Sequence[Identity]) -> str | None:
    try:
        verify(archive, record, identities)
    except (HomeportError, OSError) as error:
        return str(error)
    return None
