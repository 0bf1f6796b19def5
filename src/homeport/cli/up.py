"""``homeport up``: environments side by side in the foreground."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from homeport.cli.console import Console, JsonConsole, TextConsole
from homeport.cli.declared import declaration_file, plan_directories, plan_new_workspace, ports_of
from homeport.cli.output import print_json, say
from homeport.contract import ExitCode
from homeport.environments.declaration import FILE_NAME, Declaration, Ports
from homeport.environments.environment import Environment
from homeport.environments.workspace import WorkspacePlan
from homeport.host.declaration_file import find_file, read_declaration
from homeport.host.health import ask_environment
from homeport.host.ports import check_ports
from homeport.host.supervisor import ChildCommand, ChildEnd, Supervisor, stopped_by_signals
from homeport.host.unresolved import demand_data
from homeport.host.workspace import make_workspace

_USUAL = ("production", "development")


@dataclass(frozen=True, slots=True)
class UpPlan:
    """What ``homeport up`` is about to do."""

    file: Path
    workspace: WorkspacePlan
    environments: tuple[Environment, ...]
    commands: dict[str, list[str]]
    """What is started, by environment."""
    seeded: tuple[Environment, ...]


def run(arguments: Namespace) -> int:
    """Makes what is missing, seeds where that was asked for, and runs the servers until they have ended."""
    plan = _plan(arguments)
    if arguments.dry_run:
        _print_plan(plan, arguments)
        return ExitCode.DONE
    for environment in plan.environments:
        check_ports(environment.listen, environment.ports)
    console = _console(plan, as_json=arguments.json)
    make_workspace(plan.workspace)
    console.made(plan.workspace)
    if plan.seeded:
        # The server half takes a while to load, and only seeding needs it in this process.
        from homeport.cli.data import seed

        seed(plan.seeded, Path(arguments.data_seed), console)
    supervisor = Supervisor(console)
    with stopped_by_signals(supervisor):
        ends = supervisor.run([_child(environment, plan) for environment in plan.environments])
    return _exit_code(ends)


def _console(plan: UpPlan, *, as_json: bool) -> Console:
    return JsonConsole(plan.environments) if as_json else TextConsole(plan.environments, _as_typed(plan.file))


def _plan(arguments: Namespace) -> UpPlan:
    file = declaration_file(arguments) or Path.cwd() / FILE_NAME
    ports = ports_of(arguments)
    if file.exists():
        declaration = read_declaration(file, ports)
        names = _names(declaration, arguments.environments)
        demand_data(*map(declaration.environment, names))
        workspace = plan_directories(declaration, names)
    else:
        # Ports are for this run alone: the file gets the usual ones.
        _, workspace = plan_new_workspace(file, {})
        declaration, _ = plan_new_workspace(file, ports)
        names = _names(declaration, arguments.environments)
    environments = tuple(declaration.environment(name) for name in names)
    seeded: tuple[Environment, ...] = ()
    if arguments.data_seed is not None:
        seeded = tuple(one for one in environments if arguments.environments or not one.protected)
    log_format = "json" if arguments.json else "text"
    commands = {name: _command(name, file, ports.get(name), log_format) for name in names}
    return UpPlan(file, workspace, environments, commands, seeded)


def _names(declaration: Declaration, given: Sequence[str]) -> list[str]:
    for name in given:
        declaration.environment(name)
    usual = [name for name in _USUAL if name in declaration.environments]
    return list(dict.fromkeys(given or usual or declaration.environments))


def _command(name: str, file: Path, ports: Ports | None, log_format: str) -> list[str]:
    # -P keeps a directory called homeport in the working directory from being taken for the package.
    command = [sys.executable, "-P", "-m", "homeport", "serve", name, "--config", str(file)]
    command += ["--log-format", log_format, "--with-parent", str(os.getpid())]
    if ports is not None:
        command += ["--port", f"{name}={ports.http}" + (f":{ports.sse}" if ports.sse is not None else "")]
    return command


def _child(environment: Environment, plan: UpPlan) -> ChildCommand:
    ask = partial(ask_environment, environment)
    return ChildCommand(environment.name, plan.commands[environment.name], ask)


def _as_typed(file: Path) -> str:
    """This program and declaration, as the person would write them in this directory."""
    program = sys.argv[0] if Path(sys.argv[0]).name == "homeport" else "homeport"
    if shutil.which("homeport") == str(Path.cwd() / program):
        program = "homeport"
    near = find_file(Path.cwd()) or Path.cwd() / FILE_NAME
    return shlex.join([program, *([] if near == file else ["--config", str(file)])])


def _print_plan(plan: UpPlan, arguments: Namespace) -> None:
    seeded = [environment.name for environment in plan.seeded]
    if arguments.json:
        print_json({"dry_run": True, "steps": plan.workspace.as_json(), "seed": seeded, "start": plan.commands})
        return
    for step in plan.workspace.steps:
        say(f"would {step}")
    for name in seeded:
        say(f"would fill {name} from {arguments.data_seed}")
    for command in plan.commands.values():
        say(f"would start {shlex.join(command)}")


def _exit_code(ends: Sequence[ChildEnd]) -> int:
    """Done after a clean stop; what the servers said where they agree; else failed."""
    bad = {end.code for end in ends if not (end.asked and end.code == ExitCode.DONE)}
    if not bad:
        return ExitCode.DONE
    code = bad.pop()
    return code if not bad and code in set(ExitCode) - {ExitCode.DONE} else ExitCode.FAILED
