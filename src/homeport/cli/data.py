"""``homeport data import`` and ``export``, and the seeding of ``homeport up``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from homeport import server
from homeport.cli.console import Console
from homeport.cli.declared import declaration_of
from homeport.cli.output import print_json, say
from homeport.contract import ExitCode
from homeport.datalock import find_holder
from homeport.environments.environment import Environment
from homeport.errors import GuardError, UsageError
from homeport.host.owners import kept_by_its_owner
from homeport.identity import check_owner


def run(arguments: Namespace) -> int:
    """Imports or exports, and reports what there was."""
    environment = declaration_of(arguments).environment(arguments.environment)
    if arguments.action == "announce":
        return _announce(environment, arguments)
    directory = Path.cwd() / Path(arguments.directory)
    actions = {"import": _import, "export": _export}
    with kept_by_its_owner(Path(environment.data_directory)):
        actions[arguments.action](environment, directory, arguments)
    return ExitCode.DONE


def seed(environments: Sequence[Environment], source: Path, console: Console) -> None:
    """Fills environments that are new.

    Raises:
        GuardError: one of them was started or filled before; none was touched.
        HomeportError: the source cannot be imported; nothing of it was.
    """
    _check_source(source)
    for environment in environments:
        _check_stopped(environment)
        if server.holds_data(Path(environment.data_directory), environment.name, database=environment.database):
            raise GuardError(
                f"{environment.name} was started or filled before: not seeded.",
                f"Leave --data-seed away, or add to it: homeport data import json-v1 {source} {environment.name}",
            )
    for environment in environments:
        data = Path(environment.data_directory)
        report = server.import_json_v1(data, environment.name, source, database=environment.database)
        console.seeded(environment.name, report.as_json(), report.lines())


def _announce(environment: Environment, arguments: Namespace) -> int:
    data = Path(environment.data_directory)
    message = server.announce(data, environment.name, arguments.subject, arguments.body, database=environment.database)
    if arguments.json:
        print_json({"environment": environment.name, "message": message})
    else:
        say(message)
    return ExitCode.DONE


def _import(environment: Environment, source: Path, arguments: Namespace) -> None:
    _check_source(source)
    check_owner(Path(environment.data_directory), environment.name)
    data, database = Path(environment.data_directory), environment.database
    report = server.import_json_v1(data, environment.name, source, dry_run=arguments.dry_run, database=database)
    if arguments.json:
        print_json({"environment": environment.name, "dry_run": arguments.dry_run, **report.as_json()})
        return
    done = "Would import" if arguments.dry_run else "Imported"
    say(f"{done} into {environment.name} ({environment.data_directory}) from {source}:")
    for line in report.lines():
        say(line)


def _export(environment: Environment, target: Path, arguments: Namespace) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise GuardError(f"{target} is not an empty directory.", "Name one that is missing or empty.")
    check_owner(Path(environment.data_directory), environment.name)
    data, database = Path(environment.data_directory), environment.database
    report = server.export_json_v1(data, environment.name, target, dry_run=arguments.dry_run, database=database)
    if arguments.json:
        print_json({"environment": environment.name, "dry_run": arguments.dry_run, **report.as_json()})
        return
    done = "Would export" if arguments.dry_run else "Exported"
    say(f"{done} {environment.name} ({environment.data_directory}) to {target}:")
    for line in report.lines():
        say(line)


def _check_source(source: Path) -> None:
    if not source.is_dir():
        raise UsageError(f"{source} is not a directory.", "Name the data directory of the earlier server.")


def _check_stopped(environment: Environment) -> None:
    directory = Path(environment.data_directory)
    check_owner(directory, environment.name)
    holder = find_holder(directory)
    if holder is not None:
        raise GuardError(f"{environment.name} is in use by {holder}.", "Stop it first: one process has the data open.")
