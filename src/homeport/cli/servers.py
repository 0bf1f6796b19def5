"""``homeport start``, ``stop`` and ``restart``."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from homeport.cli.declared import declaration_of, make_place, plan_directories
from homeport.cli.hands import hands_of, operating
from homeport.cli.output import print_json, say, tell
from homeport.cli.showing import Told, plan_lines
from homeport.contract import ExitCode
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.environments.plan import Plan
from homeport.environments.services.plans import plan_pull, plan_restart, plan_start, plan_stop
from homeport.environments.services.state import ServiceState
from homeport.environments.services.steps import RestartServer, StopServer
from homeport.host.health import ask_environment
from homeport.host.services.choosing import manager_for
from homeport.host.services.git import find_target
from homeport.host.services.service import ServiceManager
from homeport.host.unresolved import demand_data
from homeport.host.workspace import make_workspace


@dataclass(frozen=True, slots=True)
class _Server:
    """What a command is about."""

    declaration: Declaration
    environment: Environment
    manager: ServiceManager
    arguments: Namespace

    @property
    def name(self) -> str:
        return self.environment.name

    def state(self) -> ServiceState:
        return self.manager.state(self.environment)


def run(arguments: Namespace) -> int:
    """Plans, shows or carries out, and says how the server is.

    Raises:
        CannotStartError: somebody else holds a port or the data, or the server says that it never will start.
        GuardError: what runs is not the service manager's, the checkout is not as it should be, or the data are gone.
        HomeportError: it failed, and all was put back.
    """
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    server = _Server(declaration, environment, manager_for(environment, PurePosixPath(declaration.file)), arguments)
    if arguments.dry_run:
        if arguments.action != "stop":
            demand_data(environment)
        plan = _plan(server, only_look=True)
        return _show_plan(server, plan)
    if arguments.action != "stop":
        make_workspace(plan_directories(declaration, [server.name]))
    elif not Path(environment.journal_directory).is_dir():
        return _show_done(server, None, changed=False)
    hands = hands_of(declaration, environment)
    with operating(declaration, environment, hands, Told()) as carrier:
        carrier.heal()
        if arguments.action != "stop":
            make_place(declaration, environment)
        found = _plan(server)
        cuts_off = found is not None and any(isinstance(step, StopServer | RestartServer) for step in found.steps)
        if cuts_off and environment.protected:
            tell(f"{server.name.upper()} IS PROTECTED: clients that rely on it are cut off until it runs again.")
        done = carrier.carry_out(found) if found is not None else None
    return _show_done(server, done.operation if done else None, changed=done is not None)


def _plan(server: _Server, *, only_look: bool = False) -> Plan | None:
    """What is to be done; None where it is so already."""
    environment, state, seconds = server.environment, server.state(), server.arguments.wait
    match server.arguments.action:
        case "start":
            as_wanted = state.reloads or not server.arguments.reload
            if state.running and as_wanted and state.unmanaged is None and ask_environment(environment).healthy:
                return None
            return plan_start(environment, state, seconds, reload=server.arguments.reload)
        case "stop":
            plan = plan_stop(environment, state)
            return plan if state.running or state.pids else None
        case _ if server.arguments.pull:
            _, target = find_target(environment, only_look=only_look)
            return plan_pull(environment, state, target, seconds)
        case _:
            healthy = state.hands_over and ask_environment(environment).healthy
            return plan_restart(environment, state, seconds, healthy=healthy)


def _show_plan(server: _Server, plan: Plan | None) -> int:
    if server.arguments.json:
        print_json({"dry_run": True, "environment": server.name, "plan": plan.as_json() if plan else None})
    elif plan is None:
        say(f"{server.name} is so already; nothing to do.")
    else:
        for line in plan_lines(plan):
            say(line)
    return ExitCode.DONE


def _show_done(server: _Server, operation: str | None, *, changed: bool) -> int:
    state = server.state()
    if server.arguments.json:
        shown = {"environment": server.name, "changed": changed, "operation": operation, "server": state.as_json()}
        print_json(shown)
    elif not state.running:
        say(f"{server.name} {'has stopped' if changed else 'does not run'}.")
    else:
        how = "runs" if changed else "runs already"
        who = f"as {state.unit}, process {state.pid}" if state.unit else f"as process {state.pid}"
        say(f"{server.name} {how} {who} and is healthy: {server.environment.health_url}")
    return ExitCode.DONE
