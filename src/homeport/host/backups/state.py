"""The file from which a server learns how its backups are (:class:`~homeport.contract.BackupRecord`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from homeport.contract import BACKUPS_FILE, BackupRecord
from homeport.environments.backups.record import Record
from homeport.environments.environment import Environment
from homeport.files import write_atomically


def backup_record(records: Sequence[Record]) -> BackupRecord:
    """What follows from the records: of good backups alone, and proven only while the last drill succeeded."""
    good = [one.created for one in records if one.state == "good" and one.damaged is None]
    drilled = [one.drilled for one in records if one.drilled is not None]
    # One that was not opened proves nothing, and takes nothing back that was proven.
    drills = [one.drill for one in records if one.drill is not None and one.drill.outcome != "unproven"]
    last = max(drills, key=lambda one: datetime.fromisoformat(one.at), default=None)
    return BackupRecord(
        last_backup=max(good, key=datetime.fromisoformat, default=None),
        last_drill=max(drilled, key=datetime.fromisoformat, default=None),
        proven=bool(drilled) and (last is None or last.outcome == "passed"),
    )


def write_state(environment: Environment, records: Sequence[Record]) -> None:
    """Puts it down where the server reads it; the journal directory must exist."""
    file = Path(environment.journal_directory) / BACKUPS_FILE
    record = backup_record(records)
    record["replica"] = _replica_in(file) if environment.replica_directory is not None else None
    write_atomically(file, json.dumps(record, indent=2) + "\n", mode=0o644)


def write_replica_state(environment: Environment, records: Sequence[Record], fault: str) -> None:
    """As :func:`write_state`, with what was found wrong with the replica; empty where nothing is."""
    file = Path(environment.journal_directory) / BACKUPS_FILE
    record = backup_record(records)
    record["replica"] = fault if environment.replica_directory is not None else None
    write_atomically(file, json.dumps(record, indent=2) + "\n", mode=0o644)


def _replica_in(file: Path) -> str | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8")).get("replica")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None
