"""``homeport adopt ENV``: a server that was started by hand is moved under the service manager, or put back."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from homeport.cli.asking import confirm
from homeport.cli.declared import declaration_of
from homeport.cli.hands import hands_of, operating
from homeport.cli.knowing import known_of
from homeport.cli.output import print_json, say, tell
from homeport.cli.showing import Told, plan_lines
from homeport.cli.surroundings import surroundings_of
from homeport.contract import ExitCode
from homeport.environments.adoption.adopting import ASIDE, kept_file, plan_adopt
from homeport.environments.adoption.facts import AdoptionFacts
from homeport.environments.adoption.putting_back import plan_put_back
from homeport.environments.adoption.stale import plan_archive_stale
from homeport.environments.adoption.steps import CheckData, PackStale, StopProcess
from homeport.environments.backups.naming import archive_name, new_backup_id
from homeport.environments.declaration import Declaration
from homeport.environments.doctor.examination import examine
from homeport.environments.doctor.facts import HostFacts
from homeport.environments.environment import Environment
from homeport.environments.machine.drift import Drift
from homeport.environments.machine.provisioning import Provision
from homeport.environments.machine.refusals import check_drift
from homeport.environments.machine.steps import AwaitAnswer
from homeport.environments.plan import Plan
from homeport.environments.steps import Step
from homeport.errors import GuardError
from homeport.host.adoption.gathering import find_adoption
from homeport.host.adoption.kept import owner_before
from homeport.host.backups.shelf import newest
from homeport.host.carrying import Carried, Carrier
from homeport.host.facts.gathering import gather
from homeport.host.machine.gathering import gather_facts, make_journal_directory, this_program
from homeport.host.machine.systemctl import has_systemd


def run(arguments: Namespace) -> int:
    """Plans, shows, asks, and carries out.

    Raises:
        GuardError: there is no systemd, this is not root, or something stands in the way; nothing was changed.
    """
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    if not has_systemd():
        raise GuardError(
            "adopt needs systemd as the first process of the machine, and this one has another.",
            f"homeport start {environment.name} runs its server as a plain process.",
        )
    if os.geteuid() != 0:
        raise GuardError(
            "adopt looks into processes of other users and changes the machine, which only root may.",
            f"sudo homeport adopt {environment.name} does it; --dry-run shows it first.",
        )
    work = _Work(declaration, environment, arguments)
    if arguments.put_back:
        return work.put_back()
    if arguments.archive_stale is not None:
        return work.archive_stale()
    return work.adopt()


class Clocked(Told):
    """Tells how a plan gets on, and keeps how long nobody answered."""

    def __init__(self) -> None:
        self._stopped: float | None = None
        self._waited: float | None = None
        self.gap: float | None = None

    def begins(self, plan: Plan, number: int) -> None:
        super().begins(plan, number)
        now, step = time.monotonic(), plan.steps[number]
        if isinstance(step, StopProcess) and self._stopped is None:
            self._stopped = now
        if self._stopped is not None and self.gap is None and self._after_health(plan, number):
            self.gap = now - self._stopped

    @staticmethod
    def _after_health(plan: Plan, number: int) -> bool:
        return number > 0 and isinstance(plan.steps[number - 1], AwaitAnswer)


class _Work:
    """One call of the command."""

    def __init__(self, declaration: Declaration, environment: Environment, arguments: Namespace) -> None:
        self._declaration = declaration
        self._environment = environment
        self._arguments = arguments
        self._program = this_program(environment, Path(declaration.file))
        self._around = surroundings_of(declaration, environment)
        self._told = Clocked()

    def adopt(self) -> ExitCode:
        if self._arguments.dry_run:
            made, facts = self._adoption(overwrite=True)
            self._show(made.plan)
            self._tell_drift(made.drift)
            if not self._arguments.overwrite_drift:
                check_drift(self._environment, made.drift)
            return ExitCode.DONE
        with self._carrying() as carrier:
            healed = [operation.id for operation in carrier.heal()]
            made, facts = self._adoption(overwrite=self._arguments.overwrite_drift)
            carried = self._carry(carrier, made.plan)
        self._tell_drift(made.drift)
        self._answer(made.plan, facts, carried, healed)
        return ExitCode.DONE

    def put_back(self) -> ExitCode:
        environment = self._environment
        if self._arguments.dry_run:
            self._show(self._putting_back())
            return ExitCode.DONE
        with self._carrying() as carrier:
            carrier.heal()
            plan = self._putting_back()
            carried = self._carry(carrier, plan)
        if self._arguments.json:
            print_json({"environment": environment.name, "operation": carried.operation, "put_back": True})
            return ExitCode.DONE
        say(
            f"{environment.name}: put back. It runs as it was started by hand, and answers at {environment.health_url}."
        )
        say("Nobody starts it again after a reboot. Its units stay, switched off; backups by their timer go on.")
        for file in sorted(Path("/etc/systemd/system").glob(f"*{ASIDE}")):
            say(f"{file} stays aside: the unit that it was could not run beside it.")
        return ExitCode.DONE

    def archive_stale(self) -> ExitCode:
        if self._arguments.dry_run:
            self._show(self._archiving())
            return ExitCode.DONE
        with self._carrying() as carrier:
            carrier.heal()
            plan = self._archiving()
            carried = self._carry(carrier, plan)
        (packed,) = [carried.results[number] for number, step in enumerate(plan.steps) if isinstance(step, PackStale)]
        if self._arguments.json:
            print_json({"environment": self._environment.name, "operation": carried.operation, **packed})
        else:
            say(f"{self._arguments.archive_stale}: packed, compared byte for byte, and removed.")
            say(f"{packed['archive']}  sha256 {packed['sha256']}")
        return ExitCode.DONE

    # --- plans ----------------------------------------------------------------------------------------------------

    def _adoption(self, *, overwrite: bool) -> tuple[Provision, AdoptionFacts]:
        facts = find_adoption(self._environment, self._program, self._host())
        _check_alone(self._declaration, self._environment, facts)
        return plan_adopt(self._environment, self._program, facts, self._new_backup(), overwrite=overwrite), facts

    def _putting_back(self) -> Plan:
        environment = self._environment
        kept: list[PurePosixPath] = []
        while Path(file := kept_file(environment, len(kept) + 1)).exists():
            kept.append(file)
        machine = gather_facts(environment, self._program)
        return plan_put_back(environment, machine, kept, owner_before(Path(kept[0])) if kept else None)

    def _archiving(self) -> Plan:
        environments = list(self._declaration.environments.values())
        directory = PurePosixPath(os.path.realpath(self._arguments.archive_stale))
        backup = self._new_backup()
        archive = self._environment.backups_directory / f"stale-{directory.name}" / archive_name(backup)
        good = newest(self._around.shelf.readable_records()[0]) if self._has_shelf() else None
        findings = examine(environments, self._host())
        last = good.backup if good is not None else None
        return plan_archive_stale(self._environment, directory, findings, archive, backup, last)

    def _host(self) -> HostFacts:
        environments = list(self._declaration.environments.values())
        return gather(environments, known_of(self._declaration), datetime.now(UTC))

    def _new_backup(self) -> str:
        now = datetime.now(UTC)
        return self._around.shelf.new_id(now) if self._has_shelf() else new_backup_id(now)

    def _has_shelf(self) -> bool:
        return Path(self._environment.backups_directory).is_dir()

    # --- carrying out ---------------------------------------------------------------------------------------------

    def _carrying(self) -> AbstractContextManager[Carrier]:
        make_journal_directory(Path(self._environment.journal_directory))
        hands = hands_of(self._declaration, self._environment)
        return operating(self._declaration, self._environment, hands, self._told)

    def _carry(self, carrier: Carrier, plan: Plan) -> Carried:
        if not self._arguments.yes:
            for line in plan_lines(plan):
                tell(line)
        agreed = confirm(f"{plan.operation} {self._environment.name} on this machine", yes=self._arguments.yes)
        return carrier.carry_out(plan, agreed)

    # --- saying ---------------------------------------------------------------------------------------------------

    def _show(self, plan: Plan) -> None:
        if self._arguments.json:
            print_json({"dry_run": True, "plan": plan.as_json()})
            return
        for line in plan_lines(plan):
            say(line)

    def _tell_drift(self, drift: tuple[Drift, ...]) -> None:
        for one in drift:
            tell(f"drift: {one}")

    def _answer(self, plan: Plan, facts: AdoptionFacts, carried: Carried, healed: list[str]) -> None:
        environment = self._environment
        checked = _result(plan, CheckData, carried.results)
        retired = [unit.name for unit in facts.old_units]
        backup = next(step.backup for step in plan.steps if isinstance(step, CheckData))
        if self._arguments.json:
            print_json(
                {
                    "environment": environment.name,
                    "operation": carried.operation,
                    "healed": healed,
                    "gap_seconds": round(self._told.gap or 0.0, 3),
                    "backup": backup,
                    "retired": retired,
                    "was": [str(one) for one in facts.processes],
                    "data": dict(checked),
                }
            )
            return
        was = "; ".join(str(one) for one in facts.processes)
        say(f"{environment.name}: adopted. It answers at {environment.health_url}; it was {was}.")
        say(f"Nobody answered for at most {self._told.gap or 0.0:.2f} seconds; the backup {backup} was made before.")
        say(
            f"Of its {checked['files']} files none is missing; homeport backup show {environment.name} has the numbers."
        )
        for unit in facts.old_units:
            kept = f"its file is kept beside as *{ASIDE}" if unit.ours_to_move else "systemctl unmask gives it back"
            say(f"{unit.name} was stopped and disabled; {kept}.")
        say(f"homeport adopt {environment.name} --put-back goes back to how it was started by hand.")


def _result(plan: Plan, kind: type[Step], results: Mapping[int, Mapping[str, Any]]) -> Mapping[str, Any]:
    return next((results[number] for number, step in enumerate(plan.steps) if isinstance(step, kind)), {})


def _check_alone(declaration: Declaration, environment: Environment, facts: AdoptionFacts) -> None:
    """Makes sure that what is ended serves nobody else.

    Raises:
        GuardError: it does, as a ``homeport up`` of several environments.
    """
    for other in declaration.environments.values():
        shared = [one for one in facts.processes if set(one.ports) & set(other.ports.values())]
        if other.name != environment.name and shared:
            raise GuardError(
                f"{shared[0]} serves {other.name} too, which would end with it.",
                f"Start {environment.name} by itself first: homeport up {environment.name}.",
            )
