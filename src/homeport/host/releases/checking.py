"""What is looked at before a release is built."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Final

from homeport.environments.environment import Environment
from homeport.environments.machine.drift import Drift, find_drift
from homeport.environments.releases.checks import Found, Proving
from homeport.errors import HomeportError
from homeport.host.commands import run_command
from homeport.host.data.program import current_release
from homeport.host.health import ask_environment
from homeport.host.machine.gathering import gather_facts, this_program
from homeport.host.releases.shelf import ReleaseShelf
from homeport.host.services.git import Checkout

_CHECK_SECONDS: Final = 1800.0
_ROOM: Final = 512 << 20
"""Bytes that a release and a copy of small data need at most."""


def check_room(environment: Environment) -> None:
    """Refuses to begin where the disk would get full: a release, a copy for the rehearsal and a backup are written.

    Raises:
        HomeportError: there is too little room.
    """
    data = Path(environment.data_directory)
    size = sum(path.stat().st_size for path in data.rglob("*") if path.is_file()) if data.is_dir() else 0
    place = next(path for path in (Path(environment.directory), *Path(environment.directory).parents) if path.exists())
    free, needed = shutil.disk_usage(place).free, _ROOM + 3 * size
    if free < needed:
        raise HomeportError(
            f"{place} has room for {free >> 20} MiB, and a deploy may need {needed >> 20}.",
            "Make room first; homeport backup prune removes what the rules do not keep.",
        )


def look(
    environment: Environment, file: Path, commit: str | None, proving: Environment | None, *, by_systemd: bool
) -> Found:
    """What :func:`homeport.environments.releases.checks.judge` judges.

    Args:
        environment: that is deployed to.
        file: the declaration.
        commit: the whole name; None where none is built.
        proving: the environment that must have served it; None where none is declared.
        by_systemd: whether it runs in units.

    Raises:
        HomeportError: something cannot be seen.
    """
    record = _record(Path(environment.backups_file))
    return Found(
        drift=_drift(environment, file) if by_systemd else None,
        refused=_refused(environment, commit) if commit is not None and environment.deploy.check else None,
        proving=_proving(proving) if proving is not None and commit is not None else None,
        last_backup=_time(record.get("last_backup")),
        last_drill=_time(record.get("last_drill")),
        proven=record.get("proven") is True,
    )


def _drift(environment: Environment, file: Path) -> tuple[Drift, ...]:
    program = this_program(environment, file)
    return tuple(find_drift(environment, program, gather_facts(environment, program)))


def _refused(environment: Environment, commit: str) -> str | None:
    variables = {**os.environ, "HOMEPORT_COMMIT": commit}
    words, source = environment.deploy.check, environment.service.source
    done = run_command(words, seconds=_CHECK_SECONDS, environment=variables, directory=str(source))
    return None if done.code == 0 else done.last_words or f"exit code {done.code}"


def _proving(environment: Environment) -> Proving:
    answer = ask_environment(environment)
    return Proving(name=environment.name, commit=_commit_of(environment), healthy=answer.healthy)


def _commit_of(environment: Environment) -> str | None:
    if environment.service.checkout is not None:
        return Checkout(Path(environment.service.checkout)).head()
    release = current_release(environment)
    known = ReleaseShelf(Path(environment.releases_directory)).find(release) if release is not None else None
    return known.commit if known is not None and not known.dirty else None


def _record(file: Path) -> dict[str, object]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
