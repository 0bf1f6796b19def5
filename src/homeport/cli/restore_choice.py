"""What ``homeport restore`` is to restore: a backup, or a moment of the replica where that is closer."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from datetime import datetime
from pathlib import Path

from homeport.cli.output import print_json, say, tell
from homeport.contract import ExitCode
from homeport.environments.backups.record import Record
from homeport.environments.backups.replication import Point
from homeport.errors import GuardError, HomeportError, UsageError
from homeport.host.archives.tree import remove_tree
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.shelf import newest
from homeport.host.backups.target import bytes_below, demand_room
from homeport.host.backups.unpacking import find_at_place
from homeport.host.data.seam import DataDescription
from homeport.host.replication.restoring import examine_point, find_point

NOW = "now"


def chosen(around: Surroundings, arguments: Namespace) -> str | Point:
    """The id of the backup that is meant, or a moment of the replica.

    Raises:
        UsageError: nothing, or two things are named, or there is nothing so old.
        HomeportError: a replica is declared and cannot be asked.
    """
    if (arguments.backup is None) == (arguments.at is None):
        raise UsageError("Name one backup: its id, latest, or --at TIME.", "homeport backup list shows all.")
    if arguments.at is None:
        return find_at_place(around, arguments.backup, arguments.place)
    until = None if arguments.at == NOW else _moment(arguments.at)
    record = newest(around.shelf.readable_records()[0], until)
    point = None if arguments.place is not None else _point(around, until)
    if point is not None and (record is None or point.at > datetime.fromisoformat(record.created)):
        than = "there is no backup so old" if record is None else f"the backup {record.backup} is older"
        tell(f"The replica has {point.at.isoformat()}; {than}.")
        return point
    if record is None:
        raise UsageError(f"There is no good backup from before {arguments.at}.", "homeport backup list shows all.")
    if point is not None:
        tell(_nothing_closer(point, record))
    return record.backup


def look_at_point(around: Surroundings, point: Point, beside: Path) -> DataDescription:
    """Restores a moment aside and says what it holds, before anything is stopped for it.

    Raises:
        HomeportError: it cannot be restored, or is not sound; or there is no room.
    """
    data = Path(around.environment.data_directory)
    demand_room(beside, 2 * bytes_below(data) if data.is_dir() else 0, what="the replica, restored twice,")
    with tempfile.TemporaryDirectory(prefix=".replica-", dir=beside) as directory:
        around.progress("restoring from the replica", 0)
        return examine_point(around, point, Path(directory) / "data")


def point_aside(around: Surroundings, point: Point, into: Path, *, as_json: bool) -> ExitCode:
    """Makes data of a moment in a directory of the person's, and touches nothing else.

    Raises:
        GuardError: something is there.
        HomeportError: it cannot be made.
    """
    if into.exists():
        raise GuardError(f"{into} is there already.", "Name a directory that is missing or empty.")
    try:
        found = examine_point(around, point, into)
    except HomeportError:
        if into.exists():
            remove_tree(into)
        raise
    if as_json:
        print_json({**shown_as(point), "to": str(into), "position": found.position, "problems": []})
    else:
        say(f"{into} holds {shown_as(point)['name']}: {found.position} events.")
    return ExitCode.DONE


def shown_as(restored: str | Point) -> dict[str, object]:
    """What is restored, for programs; ``name`` is for people."""
    if isinstance(restored, str):
        return {"backup": restored, "replica": None, "name": restored}
    at = restored.at.isoformat()
    replica = {"generation": restored.generation, "txid": restored.txid, "at": at}
    return {"backup": None, "replica": replica, "name": f"the replica as of {at}"}


def _point(around: Surroundings, until: datetime | None) -> Point | None:
    if around.environment.replica_directory is None:
        return None
    try:
        return find_point(around.environment, until)
    except HomeportError as error:
        raise HomeportError(
            f"The replica of {around.environment.name} cannot be asked for that moment: {error.sentence}",
            f"{error.hint} To do without it, name a backup by its id instead of --at.".strip(),
        ) from None


def _moment(text: str) -> datetime:
    try:
        # A time without a zone is meant as the clock on the wall shows it.
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise UsageError(f"--at {text!r} is no time.", "Write 2026-10-02T06:15:00Z, or now.") from None


def _nothing_closer(point: Point, record: Record) -> str:
    return f"The backup {record.backup} is closer than what the replica has ({point.at.isoformat()})."
