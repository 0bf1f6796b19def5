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
from homeport.host.services.checkouts import find_checkout, find_top, is_ignored
from homeport.host.services.git import Checkout
from homeport.host.unresolved import demand_data
from homeport.host.workspace import make_workspace


def run(arguments: Namespace) -> int:
    """Writes the declaration where there is none, and makes the directories that are missing."""
    file = _file(arguments)
    ports = ports_of(arguments)
    checkout = None if arguments.checkout is None else find_checkout(Path.cwd() / arguments.checkout)
    _check_place(file, checkout)
    if file.exists():
        if ports:
            raise GuardError(f"{file} exists, so its ports are not changed.", "Change them in the file.")
        if checkout is not None:
            line = f'checkout = "{checkout.directory}"'
            raise GuardError(f"{file} exists, so no checkout is written into it.", f"Write it yourself: {line}")
        declaration = read_declaration(file)
        demand_data(*declaration.environments.values())
        plan = plan_directories(declaration, list(declaration.environments))
    else:
        declaration, plan = plan_new_workspace(file, ports, _declared(checkout))
    if not arguments.dry_run:
        make_workspace(plan)
    if arguments.json:
        shown = {"file": str(file), "dry_run": arguments.dry_run, "steps": plan.as_json()}
        print_json({**shown, **({} if checkout is None else {"checkout": str(checkout.directory)})})
        return ExitCode.DONE
    for step in plan.steps:
        say(f"{'would ' if arguments.dry_run else ''}{step}")
    if not plan.steps:
        say(f"{file} and its directories are there; nothing to do.")
    elif not arguments.dry_run:
        say(f"\nhomeport up --config {file} runs {' and '.join(list(declaration.environments)[:2])}.")
    if checkout is not None:
        say(_next(checkout, file))
    return ExitCode.DONE


def _check_place(file: Path, checkout: Checkout | None) -> None:
    """Refuses a place where git would see what people wrote to each other, or clean it away.

    Raises:
        GuardError: it lies in a checkout, and git is not told to ignore it.
    """
    top = find_top(file.parent)
    if top is None or is_ignored(file.parent, top):
        return
    beside = top.with_name(f"{top.name}-environments")
    wanted = checkout.directory if checkout is not None else top
    here = file.parent.resolve()
    where = "is a git checkout" if here == top else f"lies in the git checkout {top}"
    instead = "" if here == top else f", or have git ignore {file.parent}"
    raise GuardError(
        f"{file.parent} {where}: data of environments would be in git's way, and git in theirs.",
        f"homeport init {beside} --checkout {wanted} puts them beside it{instead}.",
    )


def _declared(checkout: Checkout | None) -> dict[str, dict[str, object]]:
    if checkout is None:
        return {}
    return {"development": {"checkout": str(checkout.directory), "branch": checkout.branch() or ""}}


def _next(checkout: Checkout, file: Path) -> str:
    """What to do with a checkout; one of another program says how that is started."""
    if (checkout.directory / "src" / "homeport").is_dir():
        start = f"homeport start development --reload --config {file}"
        if not (checkout.directory / ".venv" / "bin" / "python").exists():
            start = f"make .venv/.runtime in it installs what it needs, then {start}"
        return f"development runs from {checkout.directory}: {start}"
    return (
        f"{checkout.directory} is not Homeport's own source: say in {file}, for development, how its server is started "
        "(command, variables, health), then homeport start development --reload"
    )


def _file(arguments: Namespace) -> Path:
    if arguments.directory is None:
        if arguments.config is None:
            return Path.cwd() / FILE_NAME
        given = Path.cwd() / Path(arguments.config)
        return given / FILE_NAME if given.is_dir() else given
    if arguments.config is not None:
        raise UsageError("Both DIR and --config say where the file goes.", "Give one of them.")
    return Path.cwd() / Path(arguments.directory) / FILE_NAME
