"""What a server is told by others: of its backups, whether the last were proved and when; of its data, their origin."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from homeport.contract import BackupRecord, Backups, CameFrom


@dataclass(frozen=True, slots=True)
class Proof:
    """A :class:`~homeport.contract.BackupRecord` as it was found, or why there is none."""

    last_backup: str | None = None
    last_drill: str | None = None
    proven: bool = False
    problem: str | None = None
    replica: str | None = None

    def told(self, now: float) -> Backups:
        """What the health answer says; ``now`` is seconds since the epoch."""
        if self.problem is not None:
            return Backups(
                state="unknown",
                backup_age_seconds=None,
                drill_age_seconds=None,
                problem=self.problem,
                replica=self.replica,
            )
        return Backups(
            state="proven" if self.proven else "never proven",
            backup_age_seconds=_age(self.last_backup, now),
            drill_age_seconds=_age(self.last_drill, now),
            problem=None,
            replica=self.replica,
        )


def newest(own: Proof, others: Iterable[BackupRecord]) -> Proof:
    """What is known on this machine and others together; what is wrong with what this one knows is told all the same.

    It is proven where the machine that restored a backup last says so.
    """
    here = BackupRecord(last_backup=own.last_backup, last_drill=own.last_drill, proven=own.proven)
    drilled = max((here, *others), key=lambda one: _moment(one["last_drill"]))
    backed_up = max((here, *others), key=lambda one: _moment(one["last_backup"]))
    return replace(
        own, last_backup=backed_up["last_backup"], last_drill=drilled["last_drill"], proven=drilled["proven"]
    )


def parse_record(text: str | bytes) -> BackupRecord:
    """Reads the content of the file.

    Raises:
        ValueError: it is not what :class:`~homeport.contract.BackupRecord` says; the text says what is wrong.
    """
    found = json.loads(text)
    _require(isinstance(found, dict), "it is no JSON object")
    for key in ("last_backup", "last_drill"):
        value = found.get(key)
        _require(value is None or isinstance(value, str), f"{key} is no text")
        if value is not None:
            moment(value)
    _require(isinstance(found.get("proven"), bool), "proven is neither true nor false")
    replica = found.get("replica")
    _require(replica is None or isinstance(replica, str), "replica is no text")
    return BackupRecord(
        last_backup=found.get("last_backup"),
        last_drill=found.get("last_drill"),
        proven=found["proven"],
        replica=replica,
    )


def parse_origin(text: str | bytes) -> CameFrom:
    """Reads the content of a snapshot's mark.

    Raises:
        ValueError: it is not what :class:`~homeport.contract.Origin` says; the text says what is wrong.
    """
    found = json.loads(text)
    _require(isinstance(found, dict), "it is no JSON object")
    # Data in which nothing ever happened are as old as the copy.
    at = found.get("position_at") or found.get("prepared_at")
    _require(isinstance(found.get("origin"), str), "origin is no text")
    _require(isinstance(at, str), "it says no time")
    moment(at)
    return CameFrom(environment=found["origin"], at=at)


def moment(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time.

    Raises:
        ValueError: it is none, or it does not say its distance from UTC.
    """
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} does not say its distance from UTC")
    return found.timestamp()


def _require(condition: object, otherwise: str) -> None:
    if not condition:
        raise ValueError(otherwise)


def _moment(text: str | None) -> float:
    """For comparing; what is no time was never."""
    try:
        return 0.0 if text is None else moment(text)
    except ValueError:
        return 0.0


def _age(text: str | None, now: float) -> float | None:
    return None if text is None else round(max(0.0, now - moment(text)), 1)
