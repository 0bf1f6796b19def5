"""What other parts know of environments, for the doctor."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path, PurePosixPath

from homeport.cli.surroundings import surroundings_of
from homeport.contract.database import DatabaseState
from homeport.environments.backups.naming import age_order
from homeport.environments.backups.record import Record
from homeport.environments.declaration import Declaration
from homeport.environments.doctor.facts import BackupFacts, HealthFact, ReplicaFact
from homeport.environments.environment import Environment
from homeport.environments.machine.drift import Drift, find_drift
from homeport.environments.unresolved import Unresolved
from homeport.errors import HomeportError
from homeport.host.backups.shelf import Shelf, newest
from homeport.host.facts.gathering import Known
from homeport.host.health import ask_environment
from homeport.host.lock_text import read_lock_text
from homeport.host.machine.gathering import find_record, gather_facts, this_program
from homeport.host.operation_lock import FILE_NAME as OPERATION_LOCK
from homeport.host.replication.proving import look_at_replica
from homeport.host.unresolved import find_unresolved


def known_of(declaration: Declaration) -> Known:
    """Health, backups and drift of the declared environments."""
    file = Path(declaration.file)
    return Known(
        health=_health,
        backups=_backups,
        drift=_drift_of(file),
        provisioned=_is_provisioned,
        unresolved=_unresolved,
        replica=lambda environment: _replica(declaration, environment),
        database=_database,
    )


def _health(environment: Environment) -> HealthFact:
    answer = ask_environment(environment)
    payload = answer.payload
    data = payload.get("data_directory")
    name, version = payload.get("environment"), payload.get("version")
    return HealthFact(
        answered=bool(payload) or answer.healthy,
        healthy=answer.healthy,
        reason=answer.reason,
        environment=name if isinstance(name, str) else None,
        data_directory=PurePosixPath(data) if isinstance(data, str) and data.startswith("/") else None,
        version=version if isinstance(version, str) else None,
    )


def _backups(environment: Environment) -> BackupFacts:
    directory = Path(environment.backups_directory)
    if not directory.is_dir():
        return BackupFacts()
    if not os.access(directory, os.R_OK | os.X_OK):
        return BackupFacts(seen=False)
    records, faults = Shelf(directory, environment.name).readable_records()
    attempts = sorted(records, key=lambda one: age_order(one.backup))
    good = [one for one in attempts if one.is_usable]
    last = newest(records)
    failed = attempts[-1] if attempts and attempts[-1].state == "failed" else None
    missing = [one for one in good if not Shelf(directory, environment.name).archive(one).exists()]
    opened = (one for one in records if one.drill and one.drill.outcome != "unproven")
    tried = max(opened, key=_drilled_at, default=None)
    drills = [datetime.fromisoformat(one.drilled) for one in records if one.drilled is not None]
    return BackupFacts(
        last_good=datetime.fromisoformat(last.created) if last is not None else None,
        last_failure=f"{failed.backup}: {failed.reason}" if failed is not None else _copy_failure(last),
        last_drill=max(drills, default=None),
        drill_failure=_drill_failure(tried),
        sizes=tuple(one.summary.bytes for one in reversed(good) if one.summary is not None),
        broken=(*(str(fault) for fault in faults), *(f"{one.backup}: its archive is gone" for one in missing)),
        device=os.stat(directory).st_dev,  # noqa: PTH116 - one number of it
        elsewhere=_is_elsewhere(environment, last),
    )


def _replica(declaration: Declaration, environment: Environment) -> ReplicaFact | None:
    if environment.replica_directory is None:
        return None
    around = surroundings_of(declaration, environment)
    return look_at_replica(around, provisioned=_is_provisioned(environment))


def _unresolved(environment: Environment) -> tuple[Unresolved, ...]:
    """What nobody is at now; a journal that may not be read is homeport log's to explain."""
    journal = Path(environment.journal_directory)
    at_work = read_lock_text(journal / OPERATION_LOCK) is not None
    try:
        found = find_unresolved(journal)
    except (HomeportError, OSError):
        return ()
    return tuple(one for one in found if one.standing == "settled" or not at_work)


def _database(environment: Environment) -> DatabaseState | None:
    if environment.database is None:
        return None
    # A machine without databases does not load what asks them.
    from homeport.server import databases

    return databases.state_of(environment.database, Path(environment.data_directory))


def _drilled_at(record: Record) -> str:
    return record.drill.at if record.drill is not None else ""


def _drill_failure(tried: Record | None) -> str:
    """Why the newest drill found its backup not good; empty where it did not."""
    if tried is None or tried.drill is None or tried.drill.outcome != "failed":
        return ""
    return f"{tried.backup}: {tried.drill.reason}"


def _copy_failure(last: Record | None) -> str:
    """A place that did not take the newest backup: it is here, and nowhere else."""
    if last is None:
        return ""
    return next((f"{copy.place}: {copy.reason}" for copy in last.copies if copy.state == "failed"), "")


def _is_elsewhere(environment: Environment, last: Record | None) -> bool:
    """Whether the newest backup lies on another disk or machine too."""
    data = _device(Path(environment.data_directory))
    if last is None:
        return False
    good = [copy.place for copy in last.copies if copy.state == "good"]
    return any(not place.startswith("/") or _device(Path(place)) != data for place in good)


def _device(path: Path) -> int | None:
    try:
        return path.stat().st_dev
    except OSError:
        return None


def _drift_of(file: Path) -> Callable[[Environment], tuple[Drift, ...]]:
    def drift(environment: Environment) -> tuple[Drift, ...]:
        program = this_program(environment, file)
        found = find_drift(environment, program, gather_facts(environment, program))
        return tuple(one for one in found if one.kind != "override")

    return drift


def _is_provisioned(environment: Environment) -> bool:
    try:
        return find_record(environment) is not None
    except HomeportError:
        return True
