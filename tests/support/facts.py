"""A machine as the doctor sees it: one on which all is well, to be made worse one fact at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Final

from homeport.environments.declaration import parse_declaration
from homeport.environments.doctor.examination import examine
from homeport.environments.doctor.facts import (
    ArchiveFact,
    BackupFacts,
    DirectoryFact,
    HealthFact,
    HostFacts,
    JobFact,
    LocationFact,
    ProcessFact,
    ProxyFacts,
    UnitFact,
)
from homeport.environments.doctor.finding import Finding
from homeport.environments.environment import Environment

NOW: Final = datetime(2026, 10, 2, 12, 0, tzinfo=UTC)
ROOT: Final = PurePosixPath("/srv/coordination")
ENVIRONMENTS: Final = tuple(
    parse_declaration(
        "[environments.production]\n[environments.development]\n", ROOT / "homeport.toml"
    ).environments.values()
)
PRODUCTION: Final = ENVIRONMENTS[0]
DEVELOPMENT: Final = ENVIRONMENTS[1]


def process(environment: Environment = PRODUCTION, **changes: Any) -> ProcessFact:
    """The server of an environment, run by its unit."""
    return replace(
        ProcessFact(
            pid=environment.http_port,
            command=f"homeport serve {environment.name}",
            user=environment.unit,
            directory=environment.directory,
            unit=environment.slot_unit("blue"),
            started=NOW - timedelta(hours=3),
            ports=tuple(environment.ports.values()),
            files=(environment.database_file,),
            sqlite="3.53.4",
        ),
        **changes,
    )


def unit(environment: Environment = PRODUCTION, **changes: Any) -> UnitFact:
    """The unit of an environment, running."""
    return replace(
        UnitFact(
            name=environment.slot_unit("blue"),
            active="active",
            sub="running",
            result="success",
            exit_status=0,
            restarts=0,
            needs_reload=False,
            file=PurePosixPath(f"/etc/systemd/system/{environment.service_unit}"),
            command=f"homeport serve {environment.name}",
            directory=environment.directory,
            writable=(environment.data_directory, environment.logs_directory),
            sandboxed=True,
            restart="always",
            restart_seconds=2,
            limit_seconds=120,
            limit_burst=3,
            main_pid=environment.http_port,
            enabled=True,
        ),
        **changes,
    )


def directory(path: PurePosixPath, **changes: Any) -> DirectoryFact:
    """A directory with data that changed a moment ago."""
    return replace(
        DirectoryFact(
            path=path,
            exists=True,
            kind="homeport",
            files=3,
            size=1 << 20,
            newest=NOW,
            mode=0o700,
            owner="homeport",
            device=1,
            free=50 << 30,
            total=100 << 30,
        ),
        **changes,
    )


def location(environment: Environment = PRODUCTION, path: str = "/mcp", **changes: Any) -> LocationFact:
    """A location that leads to an environment as it should."""
    return replace(
        LocationFact(
            file=PurePosixPath("/etc/nginx/sites-enabled/coordination"),
            line=12,
            names=("coordination.example.org",),
            modifier="",
            path=path,
            upstream=f"http://127.0.0.1:{environment.http_port}/mcp",
            headers={"x-mcp-environment": environment.name},
            buffering=False,
            http_version="1.1",
            read_timeout=3600,
        ),
        **changes,
    )


def healthy() -> HostFacts:
    """A provisioned machine with both environments up, backed up elsewhere, and proven."""
    directories = []
    for environment in ENVIRONMENTS:
        directories += [
            directory(environment.directory, kind="files", mode=0o755),
            directory(environment.data_directory, environment=environment.name),
            directory(environment.backups_directory, kind="files", device=2),
        ]
    return HostFacts(
        now=NOW,
        managed=True,
        processes=tuple(process(one) for one in ENVIRONMENTS),
        units=tuple(unit(one) for one in ENVIRONMENTS),
        directories=tuple(directories),
        proxy=ProxyFacts(locations=(location(), location(DEVELOPMENT, "/mcp/dev"))),
        health={
            one.name: HealthFact(
                answered=True, healthy=True, reason="", environment=one.name, data_directory=one.data_directory
            )
            for one in ENVIRONMENTS
        },
        backups={
            one.name: BackupFacts(
                last_good=NOW - timedelta(hours=2),
                last_drill=NOW - timedelta(days=1),
                sizes=(1000, 990),
                device=2,
                elsewhere=True,
            )
            for one in ENVIRONMENTS
        },
        provisioned=frozenset(one.name for one in ENVIRONMENTS),
    )


def but(facts: HostFacts, place: str, number: int, **changes: Any) -> HostFacts:
    """The same facts, one item of one of their tuples changed."""
    items = list(getattr(facts, place))
    items[number] = replace(items[number], **changes)
    changed: dict[str, Any] = {place: tuple(items)}
    return replace(facts, **changed)


STALE: Final = ROOT / "production-data"
BY_HAND: Final[dict[str, Any]] = {"unit": None, "pid": 450244, "started": NOW - timedelta(days=14)}


def found(facts: HostFacts, *only: str) -> list[Finding]:
    """What the doctor finds."""
    return examine(ENVIRONMENTS, facts, only)


def kinds(facts: HostFacts) -> list[str]:
    """The kinds of it."""
    return [finding.kind for finding in found(facts)]


def the_one(facts: HostFacts) -> Finding:
    """The only finding there is."""
    findings = found(facts)
    assert len(findings) == 1, [(finding.kind, finding.sentence) for finding in findings]
    return findings[0]


def backups(**changes: Any) -> HostFacts:
    """The healthy machine, its backups of production changed."""
    facts = healthy()
    return replace(facts, backups={**facts.backups, "production": replace(facts.backups["production"], **changes)})


def job(**changes: Any) -> JobFact:
    """A line of a crontab that saves the live data."""
    line = f"0 */6 * * * root {ROOT}/scripts/backup.sh"
    return replace(
        JobFact(
            source="/etc/cron.d/backup, line 1",
            file=PurePosixPath("/etc/cron.d/backup"),
            line=line,
            command=f"{ROOT}/scripts/backup.sh",
            paths=(PRODUCTION.data_directory, PRODUCTION.backups_directory),
            last_run=NOW - timedelta(hours=1),
            overdue=False,
            failed="",
            text=f"# backups\n{line}\n",
        ),
        **changes,
    )


def timer(environment: Environment, name: str, **changes: Any) -> JobFact:
    """A timer of Homeport's own, as it is found: its command names an environment, and so its data."""
    command = f"homeport backup {'create' if name == 'backup' else name} {environment.name}"
    return replace(
        JobFact(
            source=f"{environment.unit}-{name}.timer",
            file=PurePosixPath(f"/etc/systemd/system/{environment.unit}-{name}.timer"),
            line=command,
            command=command,
            paths=(environment.data_directory,),
            last_run=NOW - timedelta(hours=1),
            overdue=False,
            failed="",
        ),
        **changes,
    )


def archive(size: int, days: int = 0, *, opens: bool = True) -> ArchiveFact:
    """An archive of so many bytes, so many days old."""
    path = PRODUCTION.backups_directory / f"data-{days}.tar.gz"
    return ArchiveFact(path=path, size=size, modified=NOW - timedelta(days=days), opens=opens)


LOOPING: Final[dict[str, Any]] = {
    "name": "mcp-coordination.service",
    "active": "activating",
    "sub": "auto-restart",
    "result": "exit-code",
    "exit_status": 1,
    "restarts": 109_312,
    "restart_seconds": 10,
    "limit_seconds": 10,
    "limit_burst": 5,
    "main_pid": None,
}


def loop(**changes: Any) -> HostFacts:
    """A machine on which the unit of production starts again and again."""
    facts = but(healthy(), "units", 0, **{**LOOPING, **changes})
    without = tuple(one for one in facts.processes if one.pid != PRODUCTION.http_port)
    return replace(facts, processes=without, provisioned=frozenset({"development"}))
