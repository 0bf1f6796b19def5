"""What is done by the clock: timers of systemd, or the lines for cron where there is no systemd."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from homeport.contract import ExitCode
from homeport.environments.environment import Environment
from homeport.environments.machine.program import Program
from homeport.environments.machine.sandbox import bringing_sandbox, upkeep_sandbox
from homeport.environments.machine.unit_text import Setting, command_line, plain, render_unit
from homeport.environments.machine.units import head_of, on_failure

_DAYS: Final = {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
_WORDS: Final = {"hourly": "0 * * * *", "daily": "0 0 * * *", "weekly": "0 0 * * 1", "monthly": "0 0 1 * *"}
_CALENDAR: Final = re.compile(
    r"(?:(?P<day>[A-Za-z]{3}) )?\*-\*-\* (?P<hour>\*|0?0/\d+|\d{1,2}(?:,\d{1,2})*):(?P<minute>0?0/\d+|\d{1,2})(?::00)?"
)
_EVERY: Final = re.compile(r"0{1,2}/(\d+)")
LONGEST_WAIT: Final = "3600"
"""Seconds that a backup or a drill waits for another operation: one that meets a deploy has not failed."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """One thing that is done by the clock."""

    name: str
    what: str
    schedule: str
    command: tuple[str, ...]
    sandbox: tuple[Setting, ...]
    finds: bool = False
    """Whether findings are what it is for: it tells of them itself, and has not failed."""
    spread: int = 120
    """Seconds by which it may be late, so that machines do not all begin at once."""


def upkeep_of(environment: Environment, program: Program) -> tuple[Upkeep, ...]:
    """What is done by the clock for an environment; what has no schedule is not."""
    writes = upkeep_sandbox(_upkeep_writes(environment))
    # The doctor asks nginx for its configuration, which opens nginx's own logs.
    looks = tuple(
        (key, "full" if key == "ProtectSystem" else value) for key, value in writes if key != "ReadWritePaths"
    )
    name, schedules = environment.name, environment.schedules
    return tuple(
        one
        for one in (
            Upkeep(
                "backup",
                "a backup",
                schedules.backup,
                program.command("backup", "create", name, "--origin", "schedule", "--wait", LONGEST_WAIT),
                writes,
            ),
            Upkeep(
                "drill",
                "a drill",
                schedules.drill,
                program.command("backup", "drill", name, "--wait", LONGEST_WAIT),
                writes,
            ),
            Upkeep("doctor", "a look", schedules.doctor, program.command("doctor", name, "--alarm"), looks, finds=True),
            Upkeep(
                "poll",
                "a poll of its branches",
                environment.follow.poll_schedule,
                program.command("poll", name),
                bringing_sandbox(),
                spread=10,
            ),
        )
        if one.schedule
    )


def timer_units(environment: Environment, program: Program) -> tuple[str, ...]:
    """The timers, by name."""
    return tuple(f"{environment.unit}-{one.name}.timer" for one in upkeep_of(environment, program))


def timer_texts(environment: Environment, program: Program) -> dict[str, str]:
    """The timers and what they start, by name."""
    texts = {}
    for one in upkeep_of(environment, program):
        texts[f"{environment.unit}-{one.name}.timer"] = _timer(environment, one)
        texts[f"{environment.unit}-{one.name}.service"] = _service(environment, one)
    return texts


def crontab(environment: Environment, program: Program) -> Iterator[str]:
    """Lines for a crontab; a schedule that cron has no words for is named in a comment."""
    for one in upkeep_of(environment, program):
        when = cron_time(one.schedule)
        if when is None:
            yield f"# {one.schedule!r} ({one.name}_schedule) cannot be said in cron's way"
        else:
            # cron takes a percent sign for the end of the line.
            yield f"{when} {shlex.join(one.command)}".replace("%", "\\%")
    if environment.takes_webhooks:
        yield f"* * * * * {shlex.join(program.command('requests', environment.name))}".replace("%", "\\%")


def cron_time(schedule: str) -> str | None:
    """The five fields of cron that mean what OnCalendar= means; None where there are none."""
    if schedule in _WORDS:
        return _WORDS[schedule]
    found = _CALENDAR.fullmatch(schedule)
    if found is None or (found["day"] and found["day"].lower() not in _DAYS):
        return None
    hour = _EVERY.sub(r"*/\1", found["hour"])
    hour = ",".join(str(int(one)) if one.isdigit() else one for one in hour.split(","))
    day = str(_DAYS[found["day"].lower()]) if found["day"] else "*"
    minute = _EVERY.sub(r"*/\1", found["minute"])
    return f"{int(minute) if minute.isdigit() else minute} {hour} * * {day}"


def _timer(environment: Environment, one: Upkeep) -> str:
    return render_unit(
        head_of(environment),
        [
            ("Unit", [("Description", plain(f"Homeport, {environment.name}: when {one.what} is due"))]),
            (
                "Timer",
                [
                    ("OnCalendar", one.schedule),
                    # What the machine slept through is done when it wakes.
                    ("Persistent", "true"),
                    ("RandomizedDelaySec", str(one.spread)),
                ],
            ),
            ("Install", [("WantedBy", "timers.target")]),
        ],
    )


def _service(environment: Environment, one: Upkeep) -> str:
    return render_unit(
        head_of(environment),
        [
            ("Unit", [("Description", plain(f"Homeport, {environment.name}: {one.what}")), on_failure(environment)]),
            (
                "Service",
                [
                    ("Type", "oneshot"),
                    ("ExecStart", command_line(one.command)),
                    *([("SuccessExitStatus", str(int(ExitCode.FINDINGS)))] if one.finds else []),
                    ("SyslogIdentifier", f"{environment.unit}-{one.name}"),
                    ("Nice", "10"),
                    ("IOSchedulingClass", "idle"),
                    *one.sandbox,
                ],
            ),
        ],
    )


def _upkeep_writes(environment: Environment) -> tuple[PurePosixPath | str, ...]:
    """SQLite writes beside a database that it reads, so that a backup needs the data directory too."""
    metrics = environment.backup.metrics_file
    # A collector's directory that is missing keeps no backup from being made.
    beside = (f"-{PurePosixPath(metrics).parent}",) if metrics else ()
    drill = (environment.directory,) if environment.backup.drill_command else ()
    return (environment.data_directory, environment.backups_directory, environment.journal_directory, *drill, *beside)
