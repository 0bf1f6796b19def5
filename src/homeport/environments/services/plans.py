"""The plans of ``homeport start``, ``stop`` and ``restart``."""

from __future__ import annotations

from homeport.environments.environment import Environment
from homeport.environments.plan import Plan
from homeport.environments.services.state import ServiceState
from homeport.environments.services.steps import (
    HEALTH_SECONDS,
    AwaitHealth,
    CheckOut,
    ComeBack,
    RenewServer,
    RestartServer,
    StartServer,
    StopServer,
)
from homeport.environments.steps import Step
from homeport.errors import CannotStartError, GuardError, UsageError


def plan_start(
    environment: Environment, state: ServiceState, seconds: float = HEALTH_SECONDS, *, reload: bool = False
) -> Plan:
    """Starts the server and waits for it; a server that does not come up is stopped again.

    Args:
        environment: whose.
        state: of its server.
        seconds: how long the server may take.
        reload: whether it is exchanged whenever its source changes.

    Raises:
        CannotStartError: somebody else holds a port or the data; who is named.
        GuardError: a server runs that is not exchanged so.
        UsageError: there is no source to look at.
    """
    check_unmanaged(environment, state)
    name = environment.name
    if reload:
        _check_reload(environment, state)
    return Plan("start", name, (StartServer(name, reload), AwaitHealth(name, seconds)))


def _check_reload(environment: Environment, state: ServiceState) -> None:
    name, service = environment.name, environment.service
    if service.checkout is None and not environment.is_foreign:
        raise UsageError(
            f"{name} runs what is installed, so that there is no source whose changes could be looked at.",
            f"environments.{name}.checkout names a git checkout to run from; homeport init --checkout declares it.",
        )
    if state.manager == "systemd":
        raise GuardError(
            f"{name} is run by systemd, and --reload is for a server of whoever types it.",
            f'homeport restart {name} takes what was changed; service = "processes" makes it a plain process.',
        )
    if state.running and not state.reloads:
        raise GuardError(
            f"{name} runs already, without --reload.",
            f"homeport stop {name}, then homeport start {name} --reload.",
        )


def plan_stop(environment: Environment, state: ServiceState) -> Plan:
    """Stops the server.

    Raises:
        GuardError: what runs was started by somebody else, and is never ended from here.
    """
    if not state.running and state.unmanaged is not None:
        raise GuardError(
            f"What serves {environment.name} was not started by homeport start: {state.unmanaged}.",
            "Stop it the way it was started; homeport adopt moves it under the service manager.",
            holder=state.unmanaged.as_json(),
        )
    return Plan("stop", environment.name, (StopServer(environment.name),))


def plan_restart(
    environment: Environment, state: ServiceState, seconds: float = HEALTH_SECONDS, *, healthy: bool = False
) -> Plan:
    """Restarts the server and waits for it.

    One that is well serves until the next one is ready, and goes on where that one does not come up. One that is ill is
    stopped first, since it may be what keeps the next one from starting; and so is one that cannot hand over. It is
    started again where the next one does not come up.

    Args:
        environment: whose.
        state: of its server.
        seconds: how long the server may take.
        healthy: whether it is well.

    Raises:
        CannotStartError: as :func:`plan_start`.
    """
    check_unmanaged(environment, state)
    name = environment.name
    if state.hands_over and healthy:
        return Plan("restart", name, (ComeBack(name, seconds), RenewServer(name, seconds)))
    return Plan("restart", name, (StopServer(name), StartServer(name, state.reloads), AwaitHealth(name, seconds)))


def plan_pull(environment: Environment, state: ServiceState, commit: str, seconds: float = HEALTH_SECONDS) -> Plan:
    """Brings the checkout to a commit, restarts, and goes back to the commit before if the server does not come up.

    Args:
        environment: has a checkout.
        state: of its server.
        commit: to go to.
        seconds: how long the server may take.

    Raises:
        CannotStartError: as :func:`plan_start`.
    """
    return plan_bring("restart --pull", environment, state, "", commit, seconds)


def plan_bring(
    operation: str, environment: Environment, state: ServiceState, branch: str, commit: str, seconds: float
) -> Plan:
    """Brings the checkout to a commit of a branch that is followed, as :func:`plan_pull` does.

    Args:
        operation: by which way it came: ``push``, ``poll``, ``webhook``, ``restart --pull``.
        environment: has a checkout.
        state: of its server.
        branch: to be on; empty for the one that is checked out.
        commit: to go to.
        seconds: how long the server may take.

    Raises:
        CannotStartError: as :func:`plan_start`.
    """
    check_unmanaged(environment, state)
    name, service = environment.name, environment.service
    if service.checkout is None:
        raise ValueError(f"{name} has no checkout")
    brought = CheckOut(service.checkout, commit, service.install, branch=branch)
    return Plan(operation, name, _steps(environment, state, brought, seconds))


def _steps(environment: Environment, state: ServiceState, brought: CheckOut, seconds: float) -> tuple[Step, ...]:
    """What is brought to a checkout runs: where servers hand over beside what ran, else after that has ended."""
    name = environment.name
    if state.hands_over:
        return ComeBack(name, seconds, renew=True), brought, RenewServer(name, seconds)
    return ComeBack(name, seconds), brought, RestartServer(name), AwaitHealth(name, seconds)


def check_unmanaged(environment: Environment, state: ServiceState) -> None:
    """Refuses where somebody else serves in the environment's place.

    Raises:
        CannotStartError: who it is, is named.
    """
    if state.unmanaged is not None:
        raise CannotStartError(
            f"{environment.name} is served by {state.unmanaged}, which was not started by homeport start.",
            "Stop it the way it was started, or move it under the service manager with homeport adopt.",
            holder=state.unmanaged.as_json(),
        )
