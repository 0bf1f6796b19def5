"""Units of systemd that have to do with our directories: services, what starts them, and timers that run our jobs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Final

from homeport.environments.doctor.facts import JobFact, UnitFact
from homeport.errors import HomeportError
from homeport.host.commands import run_command
from homeport.host.services.show import Unit, parse_show

BOOTED: Final = Path("/run/systemd/system")
"""There while systemd is the machine's first process, as sd_booted(3) asks."""
_PROPERTIES: Final = (
    *("Id", "ActiveState", "SubState", "Result", "ExecMainStatus", "NRestarts", "NeedDaemonReload", "FragmentPath"),
    *("ExecStart", "WorkingDirectory", "ReadWritePaths", "StateDirectory", "LogsDirectory", "BindPaths"),
    *("ProtectSystem", "Restart", "RestartUSec", "StartLimitIntervalUSec", "StartLimitBurst", "MainPID"),
    *("UnitFileState", "RootDirectory"),
)
_TIMER: Final = ("Id", "Unit", "LastTriggerUSec", "NextElapseUSecRealtime", "Result", "ActiveState", "FragmentPath")
_KINDS: Final = (".service", ".socket", ".timer", ".path")
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|min|h|d|w)")
_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_ARGUMENTS: Final = re.compile(r"argv\[\]=(.*?) ; ")
LATE: Final = timedelta(hours=1)
"""After which a timer that was due and has not run has stopped."""


def is_managed() -> bool:
    """Whether systemd runs this machine."""
    return BOOTED.is_dir()


def list_units() -> tuple[str, ...]:
    """The names of all units of our kinds, loaded or not, but for templates; none where systemd does not run."""
    if not is_managed():
        return ()
    kinds = f"--type={','.join(kind.removeprefix('.') for kind in _KINDS)}"
    listed = _systemctl("list-units", kinds, "--all", "--plain", "--no-legend").splitlines()
    names = {line.split()[0] for line in listed if line.split()}
    # Not by list-unit-files, for which systemd reads all of them and all links between them.
    for directory in _systemctl("show", "--property=UnitPath", "--value").split():
        with suppress(OSError):  # many of them are not there
            names.update(path.name for path in Path(directory).iterdir() if path.suffix in _KINDS)
    return tuple(sorted(name for name in names if "@." not in name))


def find_units(known: Iterable[str], roots: Iterable[PurePosixPath], names: Iterable[str]) -> tuple[UnitFact, ...]:
    """The service units that have to do with an environment.

    Args:
        known: as :func:`list_units` gives them.
        roots: directories; a unit that works or may write below one is meant.
        names: a unit whose name begins with one is meant.
    """
    services = [name for name in known if name.endswith(".service")]
    if not services:
        return ()
    wanted, begins = tuple(roots), tuple(names)
    found = []
    for unit in _show(_PROPERTIES, services):
        fact = _unit(unit.properties)
        paths = [path for path in (fact.directory, *fact.writable) if path is not None]
        paths += [PurePosixPath(word) for word in fact.command.split() if word.startswith("/")]
        if fact.name.startswith(begins) or any(path.is_relative_to(root) for path in paths for root in wanted):
            found.append(fact)
    return tuple(_with_lines(fact) for fact in found)


def find_timers(known: Iterable[str], names: Iterable[str], now: datetime) -> tuple[JobFact, ...]:
    """Timers, as jobs; those of backups are known by their name.

    Args:
        known: as :func:`list_units` gives them.
        names: a timer whose name begins with one is meant.
        now: the time, with a zone.
    """
    begins = tuple(names)
    timers = [name for name in known if name.endswith(".timer") and name.startswith(begins)]
    if not timers:
        return ()
    shown = _show(_TIMER, timers)
    services = [unit.properties.get("Unit", "") for unit in shown]
    runs = {unit.id: unit.properties for unit in _show(_PROPERTIES, sorted(filter(None, set(services))))}
    return tuple(
        _timer(unit.properties, runs.get(service, {}), now) for unit, service in zip(shown, services, strict=True)
    )


def find_unread(known: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """The units, of any kind, that were changed on disk since systemd read them.

    Args:
        known: as :func:`list_units` gives them.
        names: a unit whose name begins with one is meant.
    """
    begins = tuple(names)
    meant = [name for name in known if name.startswith(begins)]
    shown = _show(("Id", "NeedDaemonReload"), meant)
    return tuple(unit.id for unit in shown if unit.properties.get("NeedDaemonReload") == "yes")


def _timer(properties: Mapping[str, str], run: Mapping[str, str], now: datetime) -> JobFact:
    service = properties.get("Unit", "")
    last, following = (
        _moment(properties.get("LastTriggerUSec", "")),
        _moment(properties.get("NextElapseUSecRealtime", "")),
    )
    failed = ""
    if run.get("Result", "success") != "success":
        lines = _last_lines(service)
        failed = f"{service}: {run.get('Result')}" + (f", {lines[-1]}" if lines else "")
    stopped = properties.get("ActiveState") != "active"
    return JobFact(
        source=properties.get("Id", ""),
        file=PurePosixPath(properties["FragmentPath"]) if properties.get("FragmentPath") else None,
        line=_command(run),
        command=_command(run),
        paths=(),
        last_run=last,
        overdue=stopped or (following is not None and now - following > LATE),
        failed=failed,
    )


def _unit(properties: Mapping[str, str]) -> UnitFact:
    return UnitFact(
        name=properties.get("Id", ""),
        active=properties.get("ActiveState", ""),
        sub=properties.get("SubState", ""),
        result=properties.get("Result", ""),
        exit_status=_number(properties.get("ExecMainStatus", "")),
        restarts=_number(properties.get("NRestarts", "")),
        needs_reload=properties.get("NeedDaemonReload") == "yes",
        file=PurePosixPath(properties["FragmentPath"]) if properties.get("FragmentPath") else None,
        command=_command(properties),
        directory=_directory(properties.get("WorkingDirectory", "")),
        writable=_writable(properties),
        sandboxed=properties.get("ProtectSystem") == "strict",
        restart=properties.get("Restart", ""),
        restart_seconds=_seconds(properties.get("RestartUSec", "")),
        limit_seconds=_seconds(properties.get("StartLimitIntervalUSec", "")),
        limit_burst=_number(properties.get("StartLimitBurst", "")),
        main_pid=_number(properties.get("MainPID", "")) or None,
        enabled=properties.get("UnitFileState", "").startswith("enabled"),
    )


def _with_lines(fact: UnitFact) -> UnitFact:
    if fact.active in ("active", "inactive") and not fact.restarts and fact.result == "success":
        return fact
    return replace(fact, last_lines=_last_lines(fact.name))


def _last_lines(unit: str) -> tuple[str, ...]:
    """What the program itself said last; the service manager's words about it say less."""
    told = run_command(("journalctl", "--no-pager", "--output=cat", "--lines=20", f"_SYSTEMD_UNIT={unit}"), seconds=30)
    return tuple(line for line in told.output.splitlines() if line.strip() and not line.startswith("-- "))


def _writable(properties: Mapping[str, str]) -> tuple[PurePosixPath, ...]:
    paths = [word.lstrip("-+") for word in properties.get("ReadWritePaths", "").split()]
    paths += [f"/var/lib/{name}" for name in properties.get("StateDirectory", "").split()]
    paths += [f"/var/log/{name}" for name in properties.get("LogsDirectory", "").split()]
    paths += [bind.lstrip("-").split(":")[0] for bind in properties.get("BindPaths", "").split()]
    return tuple(PurePosixPath(path) for path in paths if path.startswith("/"))


def _directory(text: str) -> PurePosixPath | None:
    text = text.lstrip("-!")
    return PurePosixPath(text) if text.startswith("/") else None


def _command(properties: Mapping[str, str]) -> str:
    found = _ARGUMENTS.search(properties.get("ExecStart", ""))
    return found[1] if found else ""


def _show(properties: Iterable[str], units: Sequence[str]) -> list[Unit]:
    # Without a name systemctl would show the manager.
    if not units:
        return []
    return parse_show(_systemctl("show", f"--property={','.join(properties)}", "--", *units))


def _systemctl(*arguments: str) -> str:
    done = run_command(
        ("systemctl", "--no-pager", *arguments), seconds=60, environment={**os.environ, "TZ": "UTC", "LC_ALL": "C"}
    )
    if done.code != 0:
        raise HomeportError(f"systemctl {arguments[0]} ended with exit code {done.code}: {done.last_words}")
    return done.output


def _seconds(text: str) -> float:
    return sum(float(number) * _SECONDS[unit] for number, unit in _SPAN.findall(text))


def _moment(text: str) -> datetime | None:
    """``Fri 2026-10-02 06:15:00 UTC``: systemctl is asked in UTC, so that no zone's name need be known."""
    parts = text.split()
    if len(parts) < 4:
        return None
    try:
        return datetime.strptime(f"{parts[1]} {parts[2]}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
