"""``homeport data migrate`` and ``homeport data verify``: what ``homeport migrate`` has a release do."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from homeport import server
from homeport.cli.databases import database_in, handed
from homeport.cli.declared import declaration_of
from homeport.cli.output import print_json, say
from homeport.contract import ExitCode
from homeport.host.owners import kept_by_its_owner


def run(arguments: Namespace) -> int:
    """Runs the action that was asked for."""
    return _migrate(arguments) if arguments.action == "migrate" else _verify(arguments)


def _migrate(arguments: Namespace) -> ExitCode:
    environment = declaration_of(arguments).environment(arguments.environment)
    data = Path.cwd() / (environment.data_directory if arguments.data is None else arguments.data)
    with kept_by_its_owner(data):
        done = server.migrate_data(
            data, environment.name, beside=arguments.beside, database=handed(environment.database, os.environ)
        )
    if arguments.json:
        print_json(done)
        return ExitCode.DONE
    if not done["ran"]:
        say(f"{environment.name} has schema {done['from_schema']}: nothing is pending.")
        return ExitCode.DONE
    ran = ", ".join(done["ran"])
    took = f"{done['migrating_seconds']:.1f} s"
    say(f"{environment.name}: schema {done['from_schema']} -> {done['to_schema']} ({ran}) in {took}")
    return ExitCode.DONE


def _verify(arguments: Namespace) -> ExitCode:
    directory = Path.cwd() / arguments.directory
    found = server.verify_data(directory, database_in(arguments, directory))
    if arguments.json:
        print_json(found)
    else:
        for one in found["findings"]:
            say(f"{one['migration']}: {one['text']}")
        if not found["findings"]:
            say(f"{found['directory']} is as its {len(found['checked'])} migrations must have left it.")
    return ExitCode.FINDINGS if found["findings"] else ExitCode.DONE
