"""``homeport config check``, ``show`` and ``docs``."""

from __future__ import annotations

import json
from argparse import Namespace

from homeport.cli.declared import declaration_of
from homeport.cli.output import print_json, say, table
from homeport.contract import ExitCode
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.environments.example import render_example
from homeport.environments.settings import EnvironmentSettings


def run(arguments: Namespace) -> int:
    """Runs the action that was asked for."""
    actions = {"check": _check, "show": _show, "docs": _docs}
    actions[arguments.action](arguments)
    return ExitCode.DONE


def _check(arguments: Namespace) -> None:
    declaration = declaration_of(arguments)
    names = list(declaration.environments)
    if arguments.json:
        print_json({"file": declaration.file, "environments": names, "faults": []})
    else:
        say(f"{declaration.file} has no fault. It declares {', '.join(names)}.")


def _show(arguments: Namespace) -> None:
    declaration = declaration_of(arguments)
    names = arguments.environments or list(declaration.environments)
    shown = [declaration.environment(name) for name in names]
    if arguments.json:
        print_json({"file": declaration.file, "root": str(declaration.root), "environments": _as_json(shown)})
        return
    say(f"{declaration.file}, root {declaration.root}")
    for environment in shown:
        say()
        say(table(("ENVIRONMENT", environment.name.upper(), "FROM"), _rows(environment, declaration)))


def _docs(arguments: Namespace) -> None:
    text = render_example()
    if arguments.json:
        print_json({"example": text, "settings": EnvironmentSettings.model_json_schema()["properties"]})
    else:
        say(text.rstrip("\n"))


def _as_json(environments: list[Environment]) -> list[dict[str, object]]:
    return [environment.as_json() for environment in environments]


def _rows(environment: Environment, declaration: Declaration) -> list[tuple[str, str, str]]:
    """Each value with where it comes from: the file, a default, or what follows from the two."""
    rows = []
    for key, value in environment.as_json().items():
        if key == "environment":
            continue
        if key in declaration.declared[environment.name]:
            source = "declared"
        else:
            source = "default" if key in EnvironmentSettings.model_fields else "derived"
        rows.append((key, environment.connect_line if key == "connect" else _text(value), source))
    return rows


def _text(value: object) -> str:
    if value is None:
        return "off"
    return value if isinstance(value, str) else json.dumps(value)
