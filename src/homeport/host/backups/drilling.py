"""Drills: a backup is proven by restoring it aside, serving it, and reading what it should hold."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Final

from homeport.environments.backups.data_steps import Rehearse
from homeport.environments.backups.naming import archive_name, moment_of
from homeport.environments.backups.record import Depth, Drill, Outcome, Record
from homeport.errors import HomeportError
from homeport.host.archives.extracting import NotUnpackedError
from homeport.host.archives.refusal import SealedError
from homeport.host.archives.sealing import Identity
from homeport.host.archives.verifying import compare
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.state import write_state
from homeport.host.backups.unpacking import Unpacked, found_archive, place_of, read_record, unpack

_NO_KEY: Final = "It is sealed, and no key was given (--identity FILE, or HOMEPORT_AGE_IDENTITY)."
_OTHER_KEY: Final = "It is sealed to another key than the one that was given."


def rehearse_backup(around: Surroundings, step: Rehearse, identities: Sequence[Identity] = ()) -> Drill:
    """Restores a backup into the step's directory, serves it there and writes down what came of it.

    Returns:
        What came of it; a backup that is not good is a finding, not an error.

    Raises:
        HomeportError: there is no room, or the copy cannot be written: nothing can be said of the backup then.
    """
    began, at = around.monotonic(), around.now()
    record = _record(around, step)
    _check_room(record, Path(step.work))
    age = max(0.0, (at - moment_of(step.backup).astimezone(UTC)).total_seconds())
    depth: Depth = "served" if around.rehearse is not None else "files"
    outcome: Outcome = "passed"
    reason = None
    try:
        if not identities and _is_sealed(around, step, record):
            outcome, depth, reason = _unopened(around, step, _NO_KEY)
        else:
            unpacked = unpack(around, step.backup, Path(step.work), step.place, identities)
            _judge(around, unpacked, Path(step.socket))
    except NotUnpackedError:
        raise
    except SealedError:
        outcome, depth, reason = _unopened(around, step, _OTHER_KEY)
    except HomeportError as error:
        outcome, reason = "failed", error.sentence
    drill = Drill(
        at=at.isoformat(timespec="milliseconds"),
        outcome=outcome,
        depth=depth,
        seconds=round(around.monotonic() - began, 3),
        age_seconds=round(age, 3),
        reason=reason,
    )
    _write_down(around, record, drill)
    return drill


def _is_sealed(around: Surroundings, step: Rehearse, record: Record | None) -> bool:
    if record is not None and record.archive is not None:
        return record.archive.sealed
    if step.place is None:
        return False
    return archive_name(step.backup, sealed=True) in {one.name for one in place_of(around, step.place).files()}


def _unopened(around: Surroundings, step: Rehearse, why: str) -> tuple[Outcome, Depth, str]:
    """What can be said of a sealed archive that is not opened: whether its bytes are those that were written."""
    try:
        with found_archive(around, step.backup, Path(step.work), step.place) as (archive, record):
            if record is None or record.archive is None:
                return "unproven", "bytes", f"{why} Nobody knows what was written, either: there is no record of it."
            compare(archive, record)
    except HomeportError as error:
        return "failed", "bytes", error.sentence
    return (
        "unproven",
        "bytes",
        f"{why} Every byte of it is what was written; whether that can be restored was not seen.",
    )


def _judge(around: Surroundings, unpacked: Unpacked, socket: Path) -> None:
    if unpacked.findings:
        raise HomeportError(f"What was restored is not what was saved: {'; '.join(unpacked.findings)}.")
    if around.rehearse is not None:
        around.progress("serving the copy", 0)
        around.rehearse(unpacked.directory, unpacked.manifest, socket)


def _record(around: Surroundings, step: Rehearse) -> Record | None:
    try:
        return read_record(around, step.backup, step.place)
    except HomeportError:
        return None


def _check_room(record: Record | None, work: Path) -> None:
    """Raises where the disk is too full for the copy: that says nothing of the backup."""
    if record is None or record.summary is None:
        return
    free = shutil.disk_usage(work).free
    if record.summary.bytes > free:
        raise HomeportError(
            f"{work.parent} has room for {free} bytes, and {record.backup} holds {record.summary.bytes}.",
            "Name another directory: --scratch DIR.",
        )


def _write_down(around: Surroundings, record: Record | None, drill: Drill) -> None:
    """Into the record, where it is on the shelf, and for the server's health answer."""
    shelf = around.shelf
    known = {one.backup for one in shelf.readable_records()[0]}
    if record is not None and record.backup in known:
        drilled = drill.at if drill.outcome == "passed" else record.drilled
        shelf.write(replace(record, drill=drill, drilled=drilled))
    write_state(around.environment, shelf.readable_records()[0])
