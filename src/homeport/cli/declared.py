"""From a command's arguments to the declaration that it works with."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from homeport.environments.declaration import FILE_NAME, Declaration, Ports, parse_declaration
from homeport.environments.environment import Environment
from homeport.environments.example import render_example
from homeport.environments.workspace import WorkspacePlan, plan_workspace
from homeport.host.declaration_file import find_file, no_file, read_declaration
from homeport.host.unresolved import demand_data, find_without_data
from homeport.host.workspace import make_workspace


def declaration_of(arguments: Namespace) -> Declaration:
    """The declaration that ``--config`` names, or the nearest one upwards.

    Raises:
        UsageError: there is none, or it has faults.
    """
    file = declaration_file(arguments)
    if file is None:
        raise no_file(Path.cwd())
    return read_declaration(file, ports_of(arguments))


def declaration_file(arguments: Namespace) -> Path | None:
    """The file to read; one that ``--config`` names need not exist."""
    if arguments.config is not None:
        given = Path(arguments.config)
        return Path.cwd() / (given / FILE_NAME if given.is_dir() else given)
    return find_file(Path.cwd())


def ports_of(arguments: Namespace) -> dict[str, Ports]:
    """What ``--port`` says, by environment."""
    return {name: Ports(http, sse) for name, http, sse in getattr(arguments, "ports", [])}


def plan_new_workspace(
    file: Path, ports: dict[str, Ports], declared: Mapping[str, Mapping[str, object]] | None = None
) -> tuple[Declaration, WorkspacePlan]:
    """The declaration that a new file with these ports would be, and the plan that makes it and its directories.

    Args:
        file: absolute.
        ports: other ports than the usual ones, by environment.
        declared: settings that stand in the file besides, by environment.
    """
    text = render_example(ports, declared)
    declaration = parse_declaration(text, PurePosixPath(file), ports)
    return declaration, plan_workspace(PurePosixPath(file), text, declaration.environments.values(), _exists)


def plan_directories(declaration: Declaration, names: list[str]) -> WorkspacePlan:
    """The plan that makes the directories which these environments lack.

    But for one that an operation left without its data: an empty one would be in the way of what puts them back, and be
    taken for them.

    Raises:
        HomeportError: a journal cannot be read.
    """
    environments = [declaration.environment(name) for name in names]
    left = {one.data_directory for one in environments if find_without_data(one) is not None}
    return plan_workspace(
        PurePosixPath(declaration.file), None, environments, lambda path: path in left or _exists(path)
    )


def make_place(declaration: Declaration, environment: Environment) -> None:
    """Makes the directories that an environment lacks, once nothing of an earlier run is left open.

    Raises:
        GuardError: an operation that was settled left it without its data.
        HomeportError: one cannot be made, or the journal cannot be read.
    """
    demand_data(environment)
    make_workspace(plan_directories(declaration, [environment.name]))


def _exists(path: PurePosixPath) -> bool:
    return Path(path).exists()
