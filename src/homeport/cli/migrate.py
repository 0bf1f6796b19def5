"""``homeport migrate ENV``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from homeport.cli.asking import confirm
from homeport.cli.changing_data import changing_data
from homeport.cli.declared import declaration_of
from homeport.cli.output import print_json, say, tell
from homeport.cli.progress import ProgressLine
from homeport.cli.showing import plan_lines
from homeport.cli.surroundings import migrator_of, surroundings_of
from homeport.contract import ExitCode
from homeport.environments.backups.plans import Target
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.environments.migrations.pending import (
    Finding,
    Ran,
    Standing,
    check_standing,
    finding_lines,
    pending_line,
    ran_lines,
)
from homeport.environments.migrations.plans import plan_migrate, plan_trial
from homeport.environments.plan import Plan
from homeport.errors import HomeportError, UsageError
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.source import live_source
from homeport.host.backups.target import look_at_target
from homeport.host.carrying import Carried, Carrier
from homeport.host.journal import Confirmed
from homeport.host.migrations.room import check_room
from homeport.host.services.choosing import manager_for


@dataclass(frozen=True, slots=True)
class _Intent:
    """What is about to be done."""

    standing: Standing
    target: Target
    safety: str
    plan: Plan


def run(arguments: Namespace) -> int:
    """Says what is pending, and runs it: on a copy, or for good.

    Raises:
        CannotStartError: the data are newer than the release, or not sound.
        GuardError: another operation runs, somebody else has the data open, or nobody agreed.
        HomeportError: it failed, and everything is as it was.
        NeedsPersonError: it failed and could not be undone.
    """
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    _check_data(environment)
    if arguments.verify:
        return _verify(declaration, environment, arguments)
    progress = ProgressLine()
    around = surroundings_of(declaration, environment, None if arguments.json else progress)
    try:
        with changing_data(declaration, environment, around, across="migrate") as carrier:
            intent = _intent(declaration, around)
            if not intent.standing.pending:
                return _nothing(environment, intent.standing, arguments)
            if arguments.dry_run:
                return _try(environment, carrier, intent, arguments)
            agreed = _ask(environment, intent, arguments)
            carried = carrier.carry_out(intent.plan, agreed)
    finally:
        progress.close()
    return _report(environment, intent, carried, arguments)


def _check_data(environment: Environment) -> None:
    there = environment.data_directory if environment.is_foreign else environment.identity_file
    if not Path(there).exists():
        raise UsageError(
            f"{environment.name} holds no data yet ({environment.data_directory}).", "Its server makes them."
        )


def _intent(declaration: Declaration, around: Surroundings) -> _Intent:
    environment = around.environment
    standing = migrator_of(declaration, environment).look(live_source(environment))
    check_standing(environment.name, standing)
    safety = around.shelf.new_id(datetime.now(UTC))
    target = look_at_target(around, manager_for(environment, PurePosixPath(declaration.file)), safety)
    if standing.pending:
        check_room(environment, around.shelf.directory)
    return _Intent(standing, target, safety, plan_migrate(target, standing.pending, safety))


def _nothing(environment: Environment, standing: Standing, arguments: Namespace) -> ExitCode:
    if arguments.json:
        print_json({"environment": environment.name, **_standing(standing), "migration": None})
    else:
        say(pending_line(environment.name, standing))
    return ExitCode.DONE


def _try(environment: Environment, carrier: Carrier, intent: _Intent, arguments: Namespace) -> ExitCode:
    """Runs it on a copy, and says what came of it and what would be done."""
    trial = plan_trial(environment.name, intent.standing.pending, intent.target.beside("trying"))
    if not arguments.json:
        say(pending_line(environment.name, intent.standing))
    findings: list[Finding] = []
    ran = None
    try:
        ran = _ran(carrier.carry_out(trial))
    except HomeportError as error:
        findings = [Finding(**one) for one in _found(error)]
        if not findings:
            raise
    if arguments.json:
        told = {"dry_run": True, "environment": environment.name, **_standing(intent.standing)}
        what = {"migration": asdict(ran) if ran else None, "findings": [asdict(one) for one in findings]}
        print_json({**told, **what, "plan": intent.plan.as_json()})
    else:
        lines = [f"On a copy of {environment.name}, which is thrown away again:"]
        lines += [*(ran_lines(ran) if ran else ()), *finding_lines(findings), *plan_lines(intent.plan)]
        for line in lines:
            say(line)
    return ExitCode.FINDINGS if findings else ExitCode.DONE


def _ask(environment: Environment, intent: _Intent, arguments: Namespace) -> Confirmed:
    if arguments.yes or not environment.protected:
        return "yes" if arguments.yes else ""
    for line in (pending_line(environment.name, intent.standing), *plan_lines(intent.plan)):
        tell(line)
    return confirm(f"Migrate the data of {environment.name}, which is protected", yes=False)


def _report(environment: Environment, intent: _Intent, carried: Carried, arguments: Namespace) -> ExitCode:
    ran, target = _ran(carried), intent.target
    if arguments.json:
        told = {"environment": environment.name, **_standing(intent.standing), "migration": asdict(ran)}
        done = {"operation": carried.operation, "safety_backup": intent.safety, "started": target.running}
        print_json({**told, **done})
        return ExitCode.DONE
    for line in (*ran_lines(ran), *finding_lines(())):
        say(line)
    runs = "its server runs on it, and is healthy" if target.running else "its server did not run, and was not started"
    say(f"{environment.name} is migrated; {runs}.")
    say(f"What was there before is the backup {intent.safety}: homeport restore {environment.name} {intent.safety}")
    return ExitCode.DONE


def _verify(declaration: Declaration, environment: Environment, arguments: Namespace) -> ExitCode:
    migrator, data = migrator_of(declaration, environment), live_source(environment)
    standing = migrator.look(data)
    if standing.newer:
        check_standing(environment.name, standing)
    found = migrator.verify(data)
    if arguments.json:
        print_json({"environment": environment.name, "findings": [asdict(one) for one in found]})
    else:
        for line in finding_lines(found):
            say(line)
    return ExitCode.FINDINGS if found else ExitCode.DONE


def _standing(found: Standing) -> dict[str, object]:
    return {
        "schema": found.schema,
        "pending": list(found.pending),
        "previous_release_can_run": found.previous_can_run,
    }


def _ran(carried: Carried) -> Ran:
    """What the last step that migrated has to say."""
    said: Mapping[str, Any] = [found["migration"] for found in carried.results.values() if "migration" in found][-1]
    return Ran(**{**said, "ran": tuple(said["ran"])})


def _found(error: HomeportError) -> list[dict[str, str]]:
    """What a migration that ran found not to be as it must."""
    said = error.details.get("findings")
    found = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    return [{"migration": str(one.get("revision", one.get("migration"))), "text": str(one["text"])} for one in found]
