"""What tests of provisioning begin with."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath
from typing import Final

from homeport.environments.declaration import parse_declaration
from homeport.environments.environment import Environment
from homeport.environments.machine.program import Program

FILE: Final = PurePosixPath("/srv/team/homeport.toml")
PROGRAM: Final = Program(("/opt/homeport/bin/python", "-P", "-m", "homeport"), FILE)


def declared(settings: str = "", name: str = "production") -> Environment:
    """An environment with these lines in its table."""
    return parse_declaration(f"[environments.{name}]\n{settings}\n", FILE).environment(name)


def lines_of(unit: str) -> dict[str, list[str]]:
    """The settings of a unit, each with all its values in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in unit.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[key].append(value)
    return dict(found)
