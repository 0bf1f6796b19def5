"""The replica that Litestream keeps of a database, as values: its histories, its moments, how far it is behind.

A *generation* is the history of one database file. An exchange of the data (a restore, a sync) begins a new one, in a
directory of its own, so that no point of the old history is ever mixed with the new. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Final

from homeport.contract import Identity
from homeport.environments.backups.naming import is_backup_id, new_backup_id
from homeport.errors import HomeportError

FORMAT: Final = 1
SYNC_SECONDS: Final = 1
"""How often Litestream brings what was committed to the replica."""
BEHIND: Final = timedelta(seconds=60)
"""A replica that lacks what was committed so long ago is a finding."""
_TXID: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """The history of one database file.

    Attributes:
        name: of its directory in the replica: the moment it began, as a backup's id.
        identity: what the data directory's ``identity.json`` said.
        origin: what its ``DEVELOPMENT_SNAPSHOT.json`` said; None where there was none.
        file: device and inode of the database.
        ended: RFC 3339: the last moment that surely is of this history, where the file was exchanged by somebody who
            did not wait for Litestream to stop; None where all of it is.
    """

    name: str
    identity: Identity
    origin: Mapping[str, Any] | None
    file: tuple[int, int]
    ended: str | None = None

    @property
    def began(self) -> datetime:
        """When the replica of it began."""
        return datetime.strptime(self.name.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Point:
    """A moment that a replica can be restored to.

    Attributes:
        generation: the name of its history.
        txid: Litestream's number of it, sixteen hexadecimal digits.
        at: the second at whose end it was in the replica; nothing in it is newer.
    """

    generation: str
    txid: str
    at: datetime


def generation_name(moment: datetime, taken: Iterable[str]) -> str:
    """The name of a history that begins now."""
    return new_backup_id(moment, set(taken))


def generation_text(generation: Generation) -> str:
    """What is written down beside a replica, with which it becomes a data directory again."""
    return (
        json.dumps(
            {
                "format": FORMAT,
                "generation": generation.name,
                "identity": generation.identity,
                "origin": generation.origin,
                "file": list(generation.file),
                "ended": generation.ended,
            },
            indent=2,
        )
        + "\n"
    )


def parse_generation(text: str, where: str) -> Generation:
    """Reads :func:`generation_text`.

    Raises:
        HomeportError: it is not that.
    """
    try:
        found = json.loads(text)
        identity = found["identity"]
        device, inode = found["file"]
        generation = Generation(
            name=str(found["generation"]),
            identity=Identity(**{key: str(identity[key]) for key in Identity.__annotations__}),  # type: ignore[typeddict-item]
            origin=dict(found["origin"]) if found["origin"] is not None else None,
            file=(int(device), int(inode)),
            ended=found["ended"],
        )
        ended = None if generation.ended is None else datetime.fromisoformat(generation.ended)
        understood = found["format"] == FORMAT and is_backup_id(generation.name) and (ended is None or ended.tzinfo)
    except (ValueError, KeyError, TypeError) as error:
        raise HomeportError(f"{where} does not say whose history lies beside it: {error!r}.") from None
    if not understood:
        raise HomeportError(f"{where} is of a form that this Homeport does not know.")
    return generation


def parse_points(text: str, generation: Generation) -> list[Point]:
    """Reads what ``litestream ltx -json`` lists: the points of a history, the oldest first.

    Raises:
        HomeportError: it is not what it should be.
    """
    ended = datetime.fromisoformat(generation.ended) if generation.ended is not None else None
    found: dict[str, datetime] = {}
    try:
        for one in json.loads(text or "[]") or []:
            txid, at = _checked(str(one["max_txid"]), datetime.fromisoformat(one["timestamp"]))
            found[txid] = min(at, found.get(txid, at))
    except (ValueError, KeyError, TypeError) as error:
        raise HomeportError(f"litestream ltx listed what nobody understands: {error!r}.") from None
    points = (Point(generation.name, txid, at) for txid, at in sorted(found.items()))
    return [point for point in points if ended is None or point.at <= ended]


def _checked(txid: str, at: datetime) -> tuple[str, datetime]:
    if len(txid) != 16 or not set(txid) <= _TXID or at.tzinfo is None:
        raise ValueError(txid)
    # Listed is the second that it was in: what it holds is not newer than the end of that.
    return txid, at + timedelta(seconds=1)


def newest_point(points: Iterable[Point], until: datetime | None = None) -> Point | None:
    """The newest moment that is not after ``until``; of two histories the later one's."""
    early = [point for point in points if until is None or point.at <= until]
    return max(early, key=lambda one: (one.at, one.generation, one.txid), default=None)


def is_behind(newest: datetime | None, last_event: datetime | None, now: datetime) -> bool:
    """Whether a replica lacks what it should have by now.

    Args:
        newest: the time of its newest point; None where it has none.
        last_event: when the last thing happened in the data; None where nothing ever did.
        now: the time.
    """
    if newest is None:
        return True
    return last_event is not None and last_event > newest and now - newest > BEHIND


def litestream_config(
    database: PurePosixPath, replica: PurePosixPath, state: PurePosixPath | None = None, hours: int = 72
) -> str:
    """The configuration that Litestream gets, which is JSON and so YAML.

    Args:
        database: the file.
        replica: the directory of a generation.
        state: where Litestream keeps what it remembers; None where it only reads the replica.
        hours: how far back one can go.
    """
    own: dict[str, object] = {} if state is None else {"meta-path": str(state)}
    file = {"type": "file", "path": str(replica), "sync-interval": f"{SYNC_SECONDS}s"}
    return json.dumps(
        {
            "logging": {"type": "json", "level": "warn", "stderr": True},
            # For an hour every sync can be gone back to; after that every half minute, five minutes, and hour.
            "l0-retention": "1h",
            "snapshot": {"interval": f"{max(1, min(24, hours // 3))}h", "retention": f"{hours}h"},
            # Compacted files are read back before what they replace goes.
            "verify-compaction": True,
            "dbs": [{"path": str(database), **own, "replica": file}],
        },
        indent=2,
    )


def outdated(generations: Sequence[tuple[Generation, datetime | None]], now: datetime, hours: int) -> list[str]:
    """The histories that nobody can want any more: their last moment is older than what is kept.

    Args:
        generations: all but the current one, with the time of their newest point.
        now: the time.
        hours: how far back one can go.
    """
    limit = now - timedelta(hours=hours)
    return [one.name for one, newest in generations if (newest or one.began) < limit]
