"""Holds a replica against the data: at every look by what it could give back, in a drill by what it does give back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from homeport.datalock import find_holder
from homeport.environments.backups.replication import BEHIND
from homeport.environments.doctor.facts import ReplicaFact
from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.files import write_atomically
from homeport.host.archives.tree import remove_tree
from homeport.host.backups.creating import Surroundings
from homeport.host.replication.holding import is_running
from homeport.host.replication.restoring import examine_point, find_point

FILE_NAME: Final = "replica.json"
_PATIENCE: Final = 5.0
"""Seconds that a replica may take to get what happened a moment ago, before it is called behind."""
_BETWEEN: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaProof:
    """What came of restoring the replica aside.

    Attributes:
        at: RFC 3339: when it was tried.
        passed: whether what it gave back was sound, and had everything that it should.
        newest: RFC 3339: its newest moment then.
        position: of the last event that it gave back.
        lost: how many events of the data it had not, which happened within the last moments.
        seconds: how long it took.
        reason: why it failed.
    """

    at: str
    passed: bool
    newest: str | None = None
    position: int | None = None
    lost: int = 0
    seconds: float = 0.0
    reason: str | None = None


def prove_replica(around: Surroundings, work: Path, *, monotonic: Callable[[], float] = time.monotonic) -> ReplicaProof:
    """Restores the newest moment aside, looks at every row, and compares its last event with that of the data.

    Args:
        around: of the environment.
        work: a directory to make, with room for the database.
        monotonic: seconds.

    Returns:
        What came of it, which is written down too.
    """
    began, at = monotonic(), around.now()
    try:
        proof = _proven(around, work, at)
    except HomeportError as error:
        proof = ReplicaProof(at=_stamp(at), passed=False, reason=error.sentence)
    finally:
        if work.exists():
            remove_tree(work)
    proof = ReplicaProof(**{**asdict(proof), "seconds": round(monotonic() - began, 3)})
    file = Path(around.environment.journal_directory) / FILE_NAME
    write_atomically(file, json.dumps(asdict(proof), indent=2) + "\n", mode=0o644)
    return proof


def _proven(around: Surroundings, work: Path, at: datetime) -> ReplicaProof:
    point = find_point(around.environment, None)
    if point is None:
        raise HomeportError("The replica holds nothing.")
    found = examine_point(around, point, work)
    loss = around.seam.lost_after(Path(around.environment.data_directory), found)
    if loss is None:
        raise HomeportError("Nobody can tell what the replica has not.")
    reason = None
    if not loss["comparable"]:
        reason = f"event {found.position} of the replica is not the one that the data have"
    elif loss["since"] is not None and at - datetime.fromisoformat(loss["since"]) > BEHIND:
        reason = f"{loss['events']} events are not in it, the oldest of {loss['since']}"
    return ReplicaProof(
        at=_stamp(at),
        passed=reason is None,
        newest=_stamp(point.at),
        position=found.position,
        lost=loss["events"],
        reason=reason,
    )


def look_at_replica(
    around: Surroundings,
    *,
    provisioned: bool,
    pause: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> ReplicaFact | None:
    """What can be told without restoring it; None where none is declared, or this user may not look.

    Args:
        around: of the environment.
        provisioned: whether a unit is there for it.
        pause: waits for so many seconds.
        monotonic: seconds.
    """
    environment = around.environment
    data = Path(environment.data_directory)
    if environment.replica_directory is None or not Path(environment.database_file).is_file():
        return None
    running = is_running(environment)
    wanted = provisioned or find_holder(data) is not None
    try:
        last = _last_event(around, data)
        end = monotonic() + _PATIENCE
        while True:
            point = find_point(environment, None)
            newest = point.at if point is not None else None
            has_all = last is None or (newest is not None and newest >= last)
            if has_all or not running or monotonic() >= end:
                break
            pause(_BETWEEN)
    except HomeportError as error:
        return ReplicaFact(running=running, wanted=wanted, problem=error.sentence)
    except PermissionError:
        return None
    return ReplicaFact(
        running=running, wanted=wanted, newest=newest, last_event=last, proof_failure=_proof_failure(environment)
    )


def _last_event(around: Surroundings, data: Path) -> datetime | None:
    found = around.seam.examine(data, deep=False)
    return datetime.fromisoformat(found.position_at) if found.position_at is not None else None


def _proof_failure(environment: Environment) -> str:
    try:
        found = json.loads((Path(environment.journal_directory) / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return "" if found.get("passed") else f"{found.get('at')}: {found.get('reason')}"


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
