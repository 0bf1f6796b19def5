"""Drills: a backup is proven by restoring it aside, serving it, and reading what it should hold."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from homeport.environments.backups.data_steps import Rehearse
from homeport.environments.backups.naming import moment_of
from homeport.environments.backups.record import Depth, Drill, Record
from homeport.errors import HomeportError
from homeport.host.archives.sealing import Identity
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.state import write_state
from homeport.host.backups.unpacking import Unpacked, read_record, unpack


def rehearse_backup(around: Surroundings, step: Rehearse, identities: Sequence[Identity] = ()) -> Drill:
    """Restores a backup into the step's directory, serves it there and writes down what came of it.

    Returns:
        What came of it; a backup that is not good is a finding, not an error.

    Raises:
        HomeportError: there is no room, so that nothing can be said of the backup.
    """
    began, at = around.monotonic(), around.now()
    record = _record(around, step)
    _check_room(record, Path(step.work))
    age = max(0.0, (at - moment_of(step.backup).astimezone(UTC)).total_seconds())
    depth: Depth = "served" if around.rehearse is not None else "files"
    reason = None
    try:
        unpacked = unpack(around, step.backup, Path(step.work), step.place, identities)
        _judge(around, unpacked, Path(step.socket))
    except HomeportError as error:
        reason = error.sentence
    drill = Drill(
        at=at.isoformat(timespec="milliseconds"),
        outcome="passed" if reason is None else "failed",
        depth=depth,
        seconds=round(around.monotonic() - began, 3),
        age_seconds=round(age, 3),
        reason=reason,
    )
    _write_down(around, record, drill)
    return drill


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
