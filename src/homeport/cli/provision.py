"""``homeport provision ENV``: makes the machine match the declaration, or takes away what it made."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from homeport.cli.asking import confirm
from homeport.cli.declared import declaration_of
from homeport.cli.hands import hands_of, operating
from homeport.cli.output import print_json, say, tell
from homeport.cli.showing import Told, difference, plan_lines
from homeport.contract import ExitCode
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.environments.machine.drift import Drift
from homeport.environments.machine.program import Program
from homeport.environments.machine.provisioning import KEPT, Provision, plan_provision
from homeport.environments.machine.refusals import check_drift
from homeport.environments.machine.steps import acts_only_backwards
from homeport.environments.machine.timers import crontab
from homeport.environments.machine.unprovisioning import plan_unprovision
from homeport.errors import GuardError
from homeport.host.machine.gathering import find_record, gather_facts, make_journal_directory, this_program
from homeport.host.machine.systemctl import has_systemd
from homeport.host.unresolved import demand_data


def run(arguments: Namespace) -> int:
    """Plans, shows, asks, and carries out.

    Raises:
        GuardError: there is no systemd, this is not root, or something stands in the way; or an operation left no data.
            Nothing was changed.
    """
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    program = this_program(environment, Path(declaration.file))
    if not has_systemd():
        raise _no_systemd(environment, program, as_json=arguments.json)
    if arguments.dry_run:
        return _dry_run(declaration, environment, program, arguments)
    if os.geteuid() != 0:
        raise GuardError(
            "provision changes the machine, which only root may.",
            f"sudo homeport provision {environment.name} does it; --dry-run shows it without.",
        )
    make_journal_directory(Path(environment.journal_directory))
    with operating(declaration, environment, hands_of(declaration, environment), Told()) as carrier:
        healed = carrier.heal()
        if not arguments.unprovision:
            demand_data(environment)
        made = _plan(declaration, environment, program, arguments, overwrite=arguments.overwrite_drift)
        if not made.changes_nothing:
            if not arguments.yes:
                for line in plan_lines(made.plan):
                    tell(line)
            agreed = confirm(f"{made.plan.operation} {environment.name} on this machine", yes=arguments.yes)
            carrier.carry_out(made.plan, agreed)
    _print_done(environment, made, arguments, healed=[operation.id for operation in healed])
    return ExitCode.DONE


def _plan(
    declaration: Declaration, environment: Environment, program: Program, arguments: Namespace, *, overwrite: bool
) -> Provision:
    facts = gather_facts(environment, program)
    if not arguments.unprovision:
        return plan_provision(environment, program, facts, overwrite=overwrite)
    records = [find_record(one) for name, one in declaration.environments.items() if name != environment.name]
    mine = facts.record.include if facts.record is not None else ""
    others = any(record is not None and mine and record.include == mine for record in records)
    return plan_unprovision(environment, facts, others=bool(others), overwrite=overwrite)


def _dry_run(declaration: Declaration, environment: Environment, program: Program, arguments: Namespace) -> int:
    # What is in the way is shown before it is refused: that is what a dry run is for.
    made = _plan(declaration, environment, program, arguments, overwrite=True)
    if arguments.json:
        print_json({**_as_json(environment, made), "dry_run": True})
    else:
        if not made.changes_nothing and not Path(environment.journal_directory).exists():
            say(f"would make the directory {environment.journal_directory}")
        for line in plan_lines(made.plan):
            say(line)
        if made.changes_nothing:
            say(f"{environment.name} is as declared; nothing to do.")
        _tell_drift(made.drift)
    if not arguments.overwrite_drift:
        check_drift(environment, made.drift)
    return ExitCode.DONE


def _print_done(environment: Environment, made: Provision, arguments: Namespace, healed: list[str]) -> None:
    if arguments.json:
        print_json({**_as_json(environment, made), "dry_run": False, "healed": healed})
        return
    _tell_drift(made.drift)
    if made.changes_nothing:
        say(f"{environment.name}: nothing to do.")
    elif arguments.unprovision:
        say(f"{environment.name}: taken away. Data, backups, journal and the user {environment.user} stay.")
    else:
        say(f"{environment.name}: provisioned. It answers at {environment.http_url}.")
    if any(one.is_in_the_way for one in made.drift):
        say(f"What was edited by hand is kept in {environment.journal_directory / KEPT}.")


def _as_json(environment: Environment, made: Provision) -> dict[str, object]:
    steps = [step for step in made.plan.steps if not acts_only_backwards(step)]
    diffs = {str(step): lines for step in steps if (lines := difference(step))}
    return {
        "environment": environment.name,
        "operation": made.plan.operation,
        "changes": not made.changes_nothing,
        "plan": made.plan.as_json(),
        "diffs": diffs,
        "drift": [one.as_json() for one in made.drift],
    }


def _tell_drift(drift: tuple[Drift, ...]) -> None:
    for one in drift:
        if one.kind != "outdated":
            tell(f"drift: {one}")


def _no_systemd(environment: Environment, program: Program, *, as_json: bool) -> GuardError:
    """What to do by hand where there is no systemd; the lines for cron are a result, and go to stdout."""
    lines = list(crontab(environment, program))
    if not as_json:
        for line in lines:
            say(line)
    return GuardError(
        "provision needs systemd as the first process of the machine, and this one has another.",
        f"homeport start {environment.name} runs it as a plain process; the lines above are for a crontab.",
        crontab=lines,
    )
