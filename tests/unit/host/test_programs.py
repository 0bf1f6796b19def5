"""Which program an environment's units run, and commands on its data: always the one that its server is of."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath

import pytest

from homeport.environments.declaration import parse_declaration
from homeport.environments.environment import Environment
from homeport.host.data.program import release_program
from homeport.host.machine.gathering import this_program


def environment_in(root: Path, more: str = "") -> Environment:
    text = f"[environments.development]\n{more}"
    return parse_declaration(text, PurePosixPath(root) / "homeport.toml").environment("development")


def installed(directory: Path) -> str:
    """A directory with an interpreter in it; its path."""
    directory.mkdir(parents=True)
    (directory / "python").touch()
    return str(directory / "python")


def test_without_a_release_it_is_the_program_that_asks(tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    assert this_program(environment, tmp_path / "homeport.toml").words[0] == sys.executable
    assert release_program(environment, tmp_path / "homeport.toml")[0] == sys.executable


@pytest.mark.parametrize(
    ("more", "place"),
    [("", "development/current/bin"), ('checkout = "repository"\n', "repository/.venv/bin")],
)
def test_units_and_commands_run_what_the_server_is_of(tmp_path: Path, more: str, place: str) -> None:
    python = installed(tmp_path / place)
    environment = environment_in(tmp_path, more)
    assert this_program(environment, tmp_path / "homeport.toml").words[0] == python
    assert release_program(environment, tmp_path / "homeport.toml")[0] == python
