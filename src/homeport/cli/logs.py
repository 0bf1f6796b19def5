"""``homeport logs ENV``."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import PurePosixPath

from homeport.cli.declared import declaration_of
from homeport.cli.output import print_json, say
from homeport.contract import ExitCode
from homeport.host.services.choosing import manager_for


def run(arguments: Namespace) -> int:
    """Shows the last lines, and with ``--follow`` those that come."""
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    manager = manager_for(environment, PurePosixPath(declaration.file))
    for line in manager.logs(environment, arguments.lines, follow=arguments.follow):
        if arguments.json:
            print_json({"environment": environment.name, "entry": _entry(line)})
        else:
            say(line)
    return ExitCode.DONE


def _entry(line: str) -> object:
    """A line of JSON as what it says, any other as its text."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line
