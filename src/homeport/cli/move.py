"""``homeport data move ENV --to URL``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from homeport.cli.asking import confirm
from homeport.cli.changing_data import changing_data
from homeport.cli.declared import declaration_of
from homeport.cli.hands import others_of
from homeport.cli.output import print_json, say, tell
from homeport.cli.progress import ProgressLine
from homeport.cli.showing import plan_lines
from homeport.cli.surroundings import surroundings_of
from homeport.contract import DatabaseAddress, ExitCode
from homeport.environments.backups.database_steps import ConvertData
from homeport.environments.backups.moving import KEPT, Move, plan_move, plan_trial, redeclared
from homeport.environments.backups.plans import Target
from homeport.environments.declaration import Declaration, parse_declaration
from homeport.environments.environment import Environment
from homeport.environments.machine.drift import find_drift
from homeport.environments.migrations.steps import CopyWhole
from homeport.environments.others import demand_none
from homeport.environments.plan import Plan
from homeport.environments.services.steps import AwaitHealth, StopServer
from homeport.errors import GuardError, UsageError
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.target import bytes_below, demand_room, look_at_target
from homeport.host.carrying import Carried, Carrier
from homeport.host.machine.gathering import find_record, gather_facts, this_program
from homeport.host.owners import owner_of
from homeport.host.services.choosing import manager_for
from homeport.whereabouts import check_whereabouts, shown

FILE: Final = "file"


@dataclass(frozen=True, slots=True)
class _Intent:
    """What is about to be done."""

    move: Move
    target: Target
    safety: str
    plan: Plan


def run(arguments: Namespace) -> int:
    """Tries on a copy, says how long it takes, asks, and moves.

    Raises:
        UsageError: the data are there already, or cannot be declared to be there.
        GuardError: nobody agreed, or something forbids it; nothing was changed.
        HomeportError: it failed, and everything is as it was.
        NeedsPersonError: it failed and could not be undone.
    """
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    progress = ProgressLine()
    around = surroundings_of(declaration, environment, None if arguments.json else progress)
    try:
        with changing_data(declaration, environment, around, across="data-move") as carrier:
            move = _move(declaration, environment, arguments)
            with _having(move, environment.name):
                intent = _intent(declaration, around, move)
                work = intent.target.beside("trying")
                tried = _tried(carrier, plan_trial(environment.name, move, work))
                if arguments.dry_run:
                    return _tell(environment, intent, tried, arguments)
                if not arguments.json:
                    for line in _lines(environment, intent, tried):
                        tell(line)
                agreed = confirm(f"Move the data of {environment.name} to {_place(move)}", yes=arguments.yes)
                carried = carrier.carry_out(intent.plan, agreed)
    finally:
        progress.close()
    return _report(environment, intent, carried, tried, arguments)


def _move(declaration: Declaration, environment: Environment, arguments: Namespace) -> Move:
    url = None if arguments.to == FILE else str(arguments.to)
    password_file = str(Path.cwd() / arguments.password_file) if arguments.password_file else None
    if environment.is_foreign:
        raise UsageError(f"The data of {environment.name} are another server's: that one knows where it keeps them.")
    if url is None and password_file is not None:
        raise UsageError("--password-file is for a database.", "Leave it out.")
    # What is declared must be where the data are: it is what is gone back to.
    check_whereabouts(Path(environment.data_directory), environment.database)
    if (url is None) == (environment.database is None):
        there = "a file" if environment.database is None else shown(environment.database.url)
        raise UsageError(
            f"The data of {environment.name} are in {there}: they are moved from a file into a database, or back.",
            "From one database into another: homeport backup create, declare the other, homeport restore.",
        )
    file = Path(declaration.file)
    text = redeclared(file.read_text(encoding="utf-8"), environment.name, url, password_file)
    # A declaration with faults is refused now, before anything is copied.
    parse_declaration(text, PurePosixPath(file))
    status = file.stat()
    return Move(
        file=PurePosixPath(file),
        text=text,
        mode=status.st_mode & 0o777,
        owner=owner_of(file),
        url=url,
        password_file=password_file,
    )


@contextmanager
def _having(move: Move, name: str) -> Iterator[None]:
    """Where the data go into a database, it is empty, and no other machine begins to use it while the block runs.

    Raises:
        GuardError: it is not empty, or another machine is at it.
        HomeportError: it cannot be reached.
    """
    if move.url is None:
        yield
        return
    # A machine without databases does not load what reserves them.
    from homeport.server import databases

    database = DatabaseAddress(move.url, move.password_file)
    with databases.reserved(database, name, "data-move", needed=True):
        databases.demand_empty(database)
        yield


def _check_unit(move: Move, name: str) -> None:
    """A unit that was written for the one kind may not let its server reach the other, or have no password for it.

    Raises:
        GuardError: it is to be written anew first.
    """
    after, file = parse_declaration(move.text, move.file).environment(name), Path(move.file)
    if manager_for(after, move.file).kind != "systemd" or find_record(after) is None:
        return
    program = this_program(after, file)
    if any(one.kind != "override" for one in find_drift(after, program, gather_facts(after, program))):
        raise GuardError(
            f"The unit of {name} is not as it must be for a server with data in {_place(move)}.",
            f"homeport stop {name}, then move, then homeport provision {name} and homeport start {name}.",
        )


def _intent(declaration: Declaration, around: Surroundings, move: Move) -> _Intent:
    environment = around.environment
    safety = around.shelf.new_id(datetime.now(UTC))
    target = look_at_target(around, manager_for(environment, PurePosixPath(declaration.file)), safety)
    if not target.holds or not target.sound:
        raise GuardError(
            f"{environment.name} has {'no sound' if target.holds else 'no'} data in {target.data} that could be moved.",
            f"homeport doctor {environment.name} says more.",
        )
    # Before the trial, which takes as long as the move itself.
    demand_none(environment.name, others_of(environment))
    if target.running:
        _check_unit(move, environment.name)
    needed = bytes_below(Path(target.data))
    demand_room(around.shelf.directory, needed, what="a backup")
    demand_room(Path(target.data.parent), 2 * needed, what=f"a copy of {environment.name}")
    return _Intent(move, target, safety, plan_move(target, move, safety))


def _converted(carried: Carried) -> Mapping[str, Any]:
    found: Mapping[str, Any] = [one["converted"] for one in carried.results.values() if "converted" in one][-1]
    return found


def _tried(carrier: Carrier, trial: Plan) -> Mapping[str, Any]:
    """What a trial found; it takes as long as callers will wait, but for the server's end and its beginning."""
    carried = carrier.carry_out(trial)
    return {**_converted(carried), "seconds": round(carried.seconds(trial, CopyWhole, ConvertData) or 0.0, 3)}


def _place(move: Move) -> str:
    return "a file" if move.url is None else shown(move.url)


def _lines(environment: Environment, intent: _Intent, tried: Mapping[str, Any]) -> list[str]:
    rows, seconds = sum(tried["rows"].values()), tried["seconds"]
    away = (
        "its server will be away for about as long, and for its end and its beginning"
        if intent.target.running
        else "its server does not run"
    )
    return [
        f"On a copy of {environment.name}: {rows} rows in {seconds:.1f} s, the same on both sides; {away}.",
        "What was stored meanwhile is moved too.",
    ]


def _tell(environment: Environment, intent: _Intent, tried: Mapping[str, Any], arguments: Namespace) -> ExitCode:
    if arguments.json:
        print_json({"dry_run": True, "tried": tried, **intent.plan.as_json()})
    else:
        for line in (*_lines(environment, intent, tried), *plan_lines(intent.plan)):
            say(line)
    return ExitCode.DONE


def _report(
    environment: Environment, intent: _Intent, carried: Carried, tried: Mapping[str, Any], arguments: Namespace
) -> ExitCode:
    done, target = _converted(carried), intent.target
    kept, away = target.beside(KEPT), carried.seconds(intent.plan, StopServer, AwaitHealth)
    if arguments.json:
        print_json(
            {
                "environment": environment.name,
                "to": _place(intent.move),
                "operation": carried.operation,
                "rows": done["rows"],
                "digests": done["digests"],
                "seconds": done["seconds"],
                "tried_seconds": tried["seconds"],
                "away_seconds": round(away, 3) if away is not None else None,
                "safety_backup": intent.safety,
                "kept": str(kept),
                "started": target.running,
            }
        )
        return ExitCode.DONE
    runs = (
        f"its server was away for {away:.1f} s, runs on them, and is healthy"
        if away is not None
        else "its server did not run, and was not started"
    )
    say(f"The data of {environment.name} are in {_place(intent.move)} now: {sum(done['rows'].values())} rows; {runs}.")
    say(f"{intent.move.file} says so. What was there is the backup {intent.safety}, and lies in {kept}.")
    return ExitCode.DONE
