"""Removes backups that the declared rules do not keep: here, and at every place that can be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from homeport.environments.backups.record import Record
from homeport.environments.backups.retention import Candidate, Verdict, judge_retention
from homeport.errors import HomeportError
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.state import write_state


@dataclass(frozen=True, slots=True)
class Pruning:
    """What is to stay, and what goes.

    Attributes:
        verdicts: for each backup and attempt, the newest first.
        records: by id.
    """

    verdicts: tuple[Verdict, ...]
    records: dict[str, Record]

    @property
    def going(self) -> list[Record]:
        """What is to be removed, the oldest first."""
        return [self.records[verdict.id] for verdict in reversed(self.verdicts) if not verdict.kept]


def plan_pruning(around: Surroundings) -> Pruning:
    """Judges what is on the shelf. A record that cannot be believed is left alone, and so is its archive."""
    records = {record.backup: record for record in around.shelf.readable_records()[0]}
    verdicts = judge_retention(
        [candidate_of(record) for record in records.values()],
        around.environment.backup.retention,
        lambda moment: moment.astimezone(),
    )
    return Pruning(tuple(verdicts), records)


def candidate_of(record: Record) -> Candidate:
    """What retention needs to know of a backup."""
    # What was saved of damaged data may be the only trace of what was lost; it is no backup to go back to either.
    pinned = "what was left of damaged data: remove its files yourself" if record.damaged is not None else ""
    return Candidate(
        record.backup, datetime.fromisoformat(record.created), record.is_usable, record.drilled is not None, pinned
    )


def prune(around: Surroundings, pruning: Pruning) -> list[str]:
    """Removes what goes. At a place that cannot be reached it stays, and goes the next time.

    Returns:
        What could not be removed, in words.
    """
    left = []
    places = around.places()
    for record in pruning.going:
        name = around.shelf.archive(record).name
        try:
            for place in places:
                place.remove(name)
                place.remove(f"{name.partition('.')[0]}.json")
        except HomeportError as error:
            left.append(f"{record.backup}: {error}")
            continue
        around.shelf.remove(record)
    write_state(around.environment, around.shelf.readable_records()[0])
    return left


def reasons_of(verdicts: Sequence[Verdict]) -> dict[str, list[str]]:
    """Why each stays, by id; empty for those that go."""
    return {verdict.id: list(verdict.reasons) for verdict in verdicts}
