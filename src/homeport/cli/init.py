"""``homeport init``."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from homeport.cli.declared import plan_directories, plan_new_workspace, ports_of
from homeport.cli.output import print_json, say
from homeport.contract import ExitCode
from homeport.environments.declaration import FILE_NAME
from homeport.errors import GuardError, UsageError
from homeport.host.declaration_file import read_declaration
from homeport.host.workspace import make_workspace


def run(arguments: Namespace) -> int:
    """Writes the declaration where there is none, and makes the directories that are missing."""
    file = _file(arguments)
    ports = ports_of(arguments)
    if file.exists():
        if ports:
            raise GuardError(f"{file} exists, so its ports are not changed.", "Change them in the file.")
        declaration = read_declaration(file)
        plan = plan_directories(declaration, list(declaration.environments))
    else:
        declaration, plan = plan_new_workspace(file, ports)
    if not arguments.dry_run:
        make_workspace(plan)
    if arguments.json:
        print_json({"file": str(file), "dry_run": arguments.dry_run, "steps": plan.as_json()})
        return ExitCode.DONE
    for step in plan.steps:
        say(f"{'would ' if arguments.dry_run else ''}{step}")
    if not plan.steps:
        say(f"{file} and its directories are there; nothing to do.")
    elif not arguments.dry_run:
        say(f"\nhomeport up --config {file} runs {' and '.join(list(declaration.environments)[:2])}.")
    return ExitCode.DONE


def _file(arguments: Namespace) -> Path:
    if arguments.directory is None:
        if arguments.config is None:
            return Path.cwd() / FILE_NAME
        given = Path.cwd() / Path(arguments.config)
        return given / FILE_NAME if given.is_dir() else given
    if arguments.config is not None:
        raise UsageError("Both DIR and --config say where the file goes.", "Give one of them.")
    return Path.cwd() / Path(arguments.directory) / FILE_NAME
