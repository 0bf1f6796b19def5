"""``homeport backup drill ENV``."""

from __future__ import annotations

import tempfile
import time
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from secrets import token_hex

from homeport.cli.changing_data import changing_data
from homeport.cli.declared import declaration_of
from homeport.cli.monitoring import told_to_monitoring
from homeport.cli.output import print_json, say
from homeport.cli.progress import ProgressLine
from homeport.cli.showing import plan_lines
from homeport.cli.surroundings import identities_of, surroundings_of
from homeport.cli.waiting import waited_for
from homeport.contract import ExitCode
from homeport.environments.backups.plans import brought_into, plan_drill
from homeport.environments.backups.record import Drill
from homeport.environments.environment import Environment
from homeport.errors import GuardError
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.foreign_rehearsal import runs_as
from homeport.host.backups.unpacking import find_at_place, keeping_of
from homeport.host.replication.proving import ReplicaProof, prove_replica


def run(arguments: Namespace) -> int:
    """Restores a backup aside, asks the server on it, and says what came of it.

    Raises:
        GuardError: the scratch directory lies in the data.
        HomeportError: there is no such backup, or no room; nothing is said of the backup then.
    """
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    progress = ProgressLine()
    around = surroundings_of(declaration, environment, None if arguments.json else progress)
    identities = identities_of(environment, arguments.identity)
    try:
        until = time.monotonic() + arguments.wait
        with waited_for(lambda: changing_data(declaration, environment, around, identities), until) as carrier:
            backup = find_at_place(around, arguments.backup, arguments.place)
            work = _work(environment, arguments.scratch) / f".drill-{backup}-{token_hex(3)}"
            sockets = PurePosixPath(tempfile.gettempdir()) / f"homeport-{token_hex(4)}"
            into = brought_into(keeping_of(around, backup, arguments.place), environment.keeping)
            plan = plan_drill(environment.name, backup, work, sockets, arguments.place, into)
            if arguments.dry_run:
                _show_plan(plan.as_json(), list(plan_lines(plan)), as_json=arguments.json)
                return ExitCode.DONE
            with told_to_monitoring(environment):
                carried = carrier.carry_out(plan)
                proof = _prove_replica(around, work)
    finally:
        progress.close()
    result = next(found for found in carried.results.values() if "drill" in found)
    code = _report(around, backup, Drill(**result["drill"]), proof, as_json=arguments.json)
    return code if proof is None or proof.passed else ExitCode.FINDINGS


def _prove_replica(around: Surroundings, work: PurePosixPath) -> ReplicaProof | None:
    """The replica too, where one is declared."""
    if around.environment.replica_directory is None:
        return None
    return prove_replica(around, Path(work.with_name(f"{work.name}-replica")))


def _work(environment: Environment, scratch: str | None) -> PurePosixPath:
    """Where the copy goes: on no path of the data."""
    directory = Path(environment.backups_directory) if scratch is None else Path.cwd() / scratch
    if scratch is None and environment.backup.drill_command and runs_as(environment) is not None:
        # The server's user does not come into the directory of backups.
        directory = Path(environment.directory)
    if directory.resolve().is_relative_to(Path(environment.data_directory).resolve()):
        raise GuardError(f"{directory} lies in the data of {environment.name}.", "Name another: --scratch DIR.")
    return PurePosixPath(directory)


def _show_plan(plan: dict[str, object], lines: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"dry_run": True, **plan})
        return
    for line in lines:
        say(line)


def _report(around: Surroundings, backup: str, drill: Drill, proof: ReplicaProof | None, *, as_json: bool) -> ExitCode:
    passed = drill.outcome == "passed"
    if as_json:
        print_json(
            {
                "environment": around.environment.name,
                "backup": backup,
                **asdict(drill),
                "replica": asdict(proof) if proof else None,
            }
        )
    elif not passed:
        say(f"{backup}: not proven. {drill.reason}")
    else:
        say(f"{backup}: proven in {drill.seconds:.1f} s; its data were {shown_age(drill.age_seconds)} old.")
        if drill.depth == "files":
            say("Unpacked, compared and examined; no server was started on it: drill_command would say how.")
        else:
            say("Restored, examined, served and asked: it holds what was saved.")
    if proof is not None and not as_json:
        said = f"gives back event {proof.position}, {proof.lost} short of the data" if proof.passed else proof.reason
        say(f"The replica {'is proven: it' if proof.passed else 'is not proven:'} {said}.")
    return ExitCode.DONE if passed else ExitCode.FINDINGS


def shown_age(seconds: float) -> str:
    """How old something is, for people: ``3 days``, ``5 hours``, ``40 seconds``."""
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {name}"
    return f"{int(seconds)} seconds"
