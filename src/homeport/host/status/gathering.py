"""Gathers what ``homeport status`` judges: one look at one environment, which changes nothing and never fails whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from homeport.contract import BackupRecord
from homeport.environments.environment import Environment
from homeport.environments.machine.drift import find_drift
from homeport.environments.services.health import HealthAnswer
from homeport.environments.status.facts import DataOrigin, EnvironmentFacts, OpenOperation
from homeport.environments.unresolved import Unresolved
from homeport.errors import HomeportError
from homeport.host.data.program import current_release
from homeport.host.health import ask_environment
from homeport.host.lock_text import read_lock_text
from homeport.host.machine.gathering import find_record, gather_facts, this_program
from homeport.host.machine.systemctl import has_systemd
from homeport.host.operation_lock import FILE_NAME as OPERATION_LOCK
from homeport.host.services.service import ServiceManager
from homeport.host.unresolved import find_unresolved

_LARGEST: Final = 1 << 16


def look_at(
    environment: Environment,
    manager: ServiceManager,
    file: Path,
    version: str,
    *,
    ask: Callable[[Environment], HealthAnswer] = ask_environment,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> EnvironmentFacts:
    """One look. What cannot be seen is said, and everything else is there.

    Args:
        environment: to look at.
        manager: who runs its server.
        file: its declaration.
        version: of the program that would be started.
        ask: one question to its server.
        now: the clock.
    """
    unseen: list[str] = []
    journal = Path(environment.journal_directory)
    health, unresolved = ask(environment), _unresolved(journal, unseen)
    try:
        state = manager.state(environment)
    except (HomeportError, OSError) as error:
        state = None
        unseen.append(error.sentence if isinstance(error, HomeportError) else f"{error}.")
    return EnvironmentFacts(
        environment=environment,
        at=now(),
        exists=Path(environment.directory).is_dir(),
        state=state,
        health=health,
        declared_version=version,
        declared_release=current_release(environment),
        # Of a database its server knows, and tells /metrics; the directory says nothing of it.
        data_bytes=_size(Path(environment.data_directory), unseen) if environment.database is None else None,
        backups=_backups(Path(environment.backups_file), unseen),
        origin=_origin(Path(environment.snapshot_file), unseen),
        drift=_drift(environment, file, unseen),
        operation=_operation(journal, unresolved),
        unresolved=tuple(unresolved),
        unseen=tuple(unseen),
    )


def _size(directory: Path, unseen: list[str]) -> int | None:
    """The bytes of all files below a directory; None where it is missing or may not be seen."""
    total = 0
    try:
        places = [directory]
        while places:
            with os.scandir(places.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        places.append(Path(entry.path))
                    else:
                        total += _bytes_of(entry)
    except FileNotFoundError:
        return None
    except OSError as error:
        unseen.append(f"{error.filename or directory} cannot be looked into: {error.strerror}.")
        return None
    return total


def _bytes_of(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        # A journal of the database that came and went.
        return 0


def _backups(file: Path, unseen: list[str]) -> BackupRecord | None:
    found = _object(file, unseen)
    if found is None:
        return None
    return BackupRecord(
        last_backup=_text(found.get("last_backup")),
        last_drill=_text(found.get("last_drill")),
        proven=found.get("proven") is True,
    )


def _origin(file: Path, unseen: list[str]) -> DataOrigin | None:
    found = _object(file, unseen)
    if found is None:
        return None
    return DataOrigin(_text(found.get("origin")) or "another environment", _text(found.get("position_at")))


def _unresolved(journal: Path, unseen: list[str]) -> list[Unresolved]:
    try:
        return find_unresolved(journal)
    except (HomeportError, OSError) as error:
        unseen.append(error.sentence if isinstance(error, HomeportError) else f"{journal} cannot be read.")
        return []


def _operation(directory: Path, unresolved: Sequence[Unresolved]) -> OpenOperation | None:
    holder = read_lock_text(directory / OPERATION_LOCK)
    found = [one for one in unresolved if one.standing != "settled"]
    if found:
        last = found[-1]
        who = str(holder) if holder else None
        return OpenOperation(last.id, last.operation, last.begun_at, who, is_stuck=last.standing == "stuck")
    return OpenOperation("", "an operation", holder.since, str(holder), is_stuck=False) if holder else None


def _drift(environment: Environment, file: Path, unseen: list[str]) -> tuple[str, ...] | None:
    """Where the machine is not as it was provisioned; None where it never was."""
    try:
        if not has_systemd() or find_record(environment) is None:
            return None
        program = this_program(environment, file)
        return tuple(str(one) for one in find_drift(environment, program, gather_facts(environment, program)))
    except (HomeportError, OSError) as error:
        what = error.sentence if isinstance(error, HomeportError) else f"{error}."
        unseen.append(f"Whether it is as it was provisioned cannot be seen: {what}")
        return None


def _object(file: Path, unseen: list[str]) -> dict[str, object] | None:
    try:
        with file.open("rb") as stream:
            found = json.loads(stream.read(_LARGEST))
    except FileNotFoundError:
        return None
    except OSError as error:
        unseen.append(f"{file} cannot be read: {error.strerror}.")
        return None
    except (ValueError, RecursionError):
        unseen.append(f"{file} is not JSON.")
        return None
    return found if isinstance(found, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
