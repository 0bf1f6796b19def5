"""The journal of an environment: what was begun, how far it came, and how it ended; append-only and chained.

One JSON object a line. Each record carries the hash of the one before it, so that a record that was changed or
taken out shows. A record is on the disk before what it speaks of happens; a line that a crash left half written
was never acted upon, and is cut off by the next who writes.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from homeport.datalock import this_process
from homeport.environments.plan import Plan
from homeport.environments.steps import Step, read_step
from homeport.errors import HomeportError, NeedsPersonError
from homeport.files import sync_directory

FILE_NAME: Final = "operations.jsonl"
_BEGINNING: Final = "0" * 64

Confirmed = Literal["asked", "yes", "declared", ""]
"""How it was agreed to: a person was asked, ``--yes`` was given, it is declared; empty where nobody is asked."""
Outcome = Literal["done", "undone", "stuck", "settled"]
"""``stuck``: it could neither be finished nor undone; a person is asked for, and the next run tries again. ``settled``:
a person has ended one that was stuck, as things were then."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try to bring an operation to its end that failed.

    Attributes:
        at: RFC 3339, UTC.
        sentence: what failed and why.
        cause: why it is to be undone; empty where it is to be finished.
        hint: what a person can do.
        step: the kind of step that failed; empty where none was reached.
        state: how the environment stood then, a sentence each.
    """

    at: str
    sentence: str
    cause: str = ""
    hint: str = ""
    step: str = ""
    state: tuple[str, ...] = ()


@dataclass(slots=True)
class Operation:
    """What the journal knows of one operation.

    Attributes:
        id: sorts by time.
        begun_at: RFC 3339, UTC.
        by: user, process and command that began it.
        inverses: by step number, for the steps that have begun, what takes each back, while it is open.
        done: numbers of the steps that are done.
        taken_back: numbers of the steps that were undone.
        results: by step number, what steps had to say.
        outcome: None while it is open.
        sentence: why it was undone, is stuck or was settled.
        ended_at: RFC 3339, UTC.
        attempts: to bring it to its end, that failed.
        settled_by: user, process and command that settled it; empty where nobody did.
        settled_state: how the environment stood then, a sentence each.
        unknown: why it can be neither finished nor undone by this version; None where nothing speaks against it.
        confirmed: how it was agreed to.
        times: by step number, when it began and when it was done; RFC 3339, UTC.
    """

    id: str
    plan_json: Mapping[str, Any]
    begun_at: str
    by: Mapping[str, Any]
    inverses: dict[int, tuple[Step, ...]] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    taken_back: set[int] = field(default_factory=set)
    results: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    outcome: Outcome | None = None
    sentence: str = ""
    ended_at: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    settled_by: Mapping[str, Any] = field(default_factory=dict)
    settled_state: tuple[str, ...] = ()
    unknown: NeedsPersonError | None = None
    confirmed: str = ""
    times: dict[int, tuple[str, str | None]] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it is open."""
        return None if self.ended_at is None else between(self.begun_at, self.ended_at)

    def step_seconds(self, number: int) -> float | None:
        """How long a step took; None where it was not done."""
        began, done = self.times.get(number, ("", None))
        return None if done is None else between(began, done)

    @property
    def plan(self) -> Plan:
        """The plan, read back.

        Raises:
            NeedsPersonError: it, or what takes it back, has steps that this version does not know.
        """
        if self.unknown is not None:
            raise self.unknown
        return _read_plan(self.plan_json)

    @property
    def name(self) -> str:
        """The command's name."""
        return str(self.plan_json.get("operation", "an operation"))

    @property
    def steps(self) -> list[str]:
        """The steps in words; in the journal's own where this version does not know them."""
        try:
            return [str(step) for step in _read_plan(self.plan_json).steps]
        except HomeportError:
            return [str(step.get("step")) for step in self.plan_json["steps"]]

    @property
    def is_open(self) -> bool:
        """Whether it still is to be finished or undone."""
        return self.outcome in (None, "stuck")


class Journal:
    """The journal in a directory. Only the holder of the operation lock writes into it.

    Args:
        directory: must exist.
        now: the clock.
    """

    def __init__(self, directory: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._file = directory / FILE_NAME
        self._now = now

    def begin(self, operation: str, plan: Plan, confirmed: Confirmed = "") -> None:
        """An operation begins. Its id must be new."""
        agreed = {"confirmed": confirmed} if confirmed else {}
        self._append(operation, "begun", plan=plan.as_json(), by=_whoever_runs_this(), **agreed)

    def step_begins(self, operation: str, number: int, inverse: Sequence[Step]) -> None:
        """A step is about to be carried out; ``inverse`` takes it back."""
        self._append(operation, "step", number=number, inverse=[step.as_json() for step in inverse])

    def step_done(self, operation: str, number: int, result: Mapping[str, Any] | None = None) -> None:
        """A step is done."""
        self._append(operation, "done", number=number, **({"result": dict(result)} if result else {}))

    def step_taken_back(self, operation: str, number: int) -> None:
        """A step was undone."""
        self._append(operation, "taken_back", number=number)

    def end(self, operation: str, outcome: Literal["done", "undone"], sentence: str = "") -> None:
        """An operation ended."""
        self._append(operation, "ended", outcome=outcome, sentence=sentence)

    def stick(self, operation: str, attempt: Attempt) -> None:
        """An operation cannot be brought to an end; when that was is noted here."""
        told = {name: value for name, value in asdict(attempt).items() if name != "at"}
        self._append(operation, "ended", outcome="stuck", **told)

    def settle(self, operation: str, why: str, state: Sequence[str]) -> None:
        """A person has ended an operation that was stuck, as things are."""
        told = {"by": _whoever_runs_this(), "state": list(state)}
        self._append(operation, "ended", outcome="settled", sentence=why, **told)

    def operations(self) -> list[Operation]:
        """All operations, the oldest first.

        Raises:
            HomeportError: a line is no record.
        """
        found: dict[str, Operation] = {}
        inverses: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for record in self._records():
            _note(found, record)
            if record["event"] == "step":
                inverses[record["operation"], record["number"]] = record["inverse"]
        for (name, number), steps in inverses.items():
            # Nobody undoes what has ended.
            if name in found and found[name].is_open:
                _read_inverses(found[name], number, steps)
        return list(found.values())

    def find_tampering(self) -> str | None:
        """The first line that does not follow from the one before it, in words; None where all do."""
        previous = _BEGINNING
        for number, line in enumerate(self._lines(), start=1):
            try:
                record = json.loads(line)
                claimed = record.pop("hash")
            except (ValueError, KeyError, AttributeError, TypeError):
                return f"{self._file}, line {number}: not a record"
            if claimed != _hash(previous, record):
                return f"{self._file}, line {number}: does not follow from the line before it"
            previous = claimed
        return None

    def _append(self, operation: str, event: str, **values: object) -> None:
        record = {"at": self._now().isoformat(timespec="milliseconds"), "operation": operation, "event": event}
        record.update(json.loads(json.dumps(values)))
        new = not self._file.exists()
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            end, previous = _whole_end(descriptor)
            line = json.dumps({**record, "hash": _hash(previous, record)}, ensure_ascii=False) + "\n"
            os.ftruncate(descriptor, end)
            _write_all(descriptor, line.encode(), end)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            sync_directory(self._file.parent)

    def _lines(self) -> Iterator[str]:
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return
        whole, _, _ = content.rpartition(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole.split(b"\n") if whole)

    def _records(self) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(self._lines(), start=1):
            try:
                record = json.loads(line)
                _ = record["operation"], record["event"], record["at"]
            except (ValueError, KeyError, TypeError):
                raise HomeportError(
                    f"{self._file}, line {number}: not a record of the journal.",
                    "homeport log --verify says more; put the file back from a backup, or move it away.",
                ) from None
            yield record


def _know_steps() -> None:
    """Has every kind of step be known, so that records can be read back."""
    from homeport.environments import every_step  # noqa: F401 - to import it is all


def _read_plan(written: Mapping[str, Any]) -> Plan:
    _know_steps()
    return Plan.from_json(written)


def _read_inverses(operation: Operation, number: int, written: Sequence[Mapping[str, Any]]) -> None:
    """What takes a step back; what this version does not know is in the way only of who wants to do it."""
    _know_steps()
    try:
        operation.inverses[number] = tuple(read_step(step) for step in written)
    except NeedsPersonError as error:
        operation.unknown = error


def between(began: str, ended: str) -> float | None:
    """Seconds from one time of RFC 3339 to another; None where one is none."""
    try:
        return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
    except (ValueError, TypeError):
        return None


def new_operation_id(now: datetime, random: str) -> str:
    """An id that sorts by time: ``20261002T061500Z-3f2a91``."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{random}"


def _note(found: dict[str, Operation], record: Mapping[str, Any]) -> None:
    name = record["operation"]
    if record["event"] == "begun":
        found[name] = Operation(name, record["plan"], record["at"], record["by"])
        found[name].confirmed = record.get("confirmed", "")
    operation = found.get(name)
    if operation is None:
        return
    match record["event"]:
        case "step":
            operation.inverses[record["number"]] = ()
            operation.times[record["number"]] = (record["at"], None)
        case "done":
            operation.done.add(record["number"])
            operation.results[record["number"]] = record.get("result", {})
            began, _ = operation.times.get(record["number"], (record["at"], None))
            operation.times[record["number"]] = (began, record["at"])
        case "taken_back":
            operation.taken_back.add(record["number"])
        case "ended":
            operation.outcome, operation.sentence = record["outcome"], record["sentence"]
            operation.ended_at = record["at"]
            _note_end(operation, record)


def _note_end(operation: Operation, record: Mapping[str, Any]) -> None:
    state = tuple(record.get("state", ()))
    if record["outcome"] == "stuck":
        known = {name: record.get(name, "") for name in ("cause", "hint", "step")}
        operation.attempts.append(Attempt(record["at"], record["sentence"], **known, state=state))
    elif record["outcome"] == "settled":
        operation.settled_by, operation.settled_state = record["by"], state


def _hash(previous: str, record: Mapping[str, Any]) -> str:
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{previous}{canonical}".encode()).hexdigest()


def _whole_end(descriptor: int) -> tuple[int, str]:
    """Where the last whole line ends, and the hash that it carries."""
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, size, 0)
    end = content.rfind(b"\n") + 1
    last = content[content.rfind(b"\n", 0, max(0, end - 1)) + 1 : end]
    if not last:
        return end, _BEGINNING
    try:
        return end, str(json.loads(last)["hash"])
    except (ValueError, KeyError, TypeError):
        # What follows cannot be chained to it; find_tampering names that line.
        return end, _BEGINNING


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def _whoever_runs_this() -> dict[str, Any]:
    process = this_process()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.geteuid())
    behind = os.environ.get("SUDO_USER")
    return {"user": user, "pid": process.pid, "command": process.command, **({"sudo_user": behind} if behind else {})}
