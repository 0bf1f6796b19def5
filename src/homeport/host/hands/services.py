"""Servers as steps: stopped, started, and waited for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from homeport.environments.environment import Environment
from homeport.environments.services.steps import (
    AwaitHealth,
    ComeBack,
    KeepOne,
    RenewServer,
    RestartServer,
    StartServer,
    StopServer,
)
from homeport.environments.steps import Step
from homeport.errors import CannotStartError, NeedsPersonError
from homeport.host.hands import Hands
from homeport.host.health import ask_environment
from homeport.host.services.awaiting import await_health
from homeport.host.services.service import ServiceManager
from homeport.host.services.slots import Slots

Managed = tuple[Environment, ServiceManager]
Find = Callable[[str], Managed]
"""From an environment's name to it and whoever runs its server."""


class Stopper:
    """:class:`StopServer`."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def inverse(self, step: StopServer) -> tuple[Step, ...]:
        environment, manager = self._find(step.environment)
        state = manager.state(environment)
        return (StartServer(step.environment, state.reloads),) if state.running else ()

    def apply(self, step: StopServer) -> None:
        environment, manager = self._find(step.environment)
        manager.stop(environment)


class Starter:
    """:class:`StartServer`."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def inverse(self, step: StartServer) -> tuple[Step, ...]:
        environment, manager = self._find(step.environment)
        return () if manager.state(environment).running else (StopServer(step.environment),)

    def apply(self, step: StartServer) -> None:
        environment, manager = self._find(step.environment)
        manager.start(environment, reload=step.reload)


class Restarter:
    """:class:`RestartServer`."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def inverse(self, step: RestartServer) -> tuple[Step, ...]:
        return (StopServer(step.environment),)

    def apply(self, step: RestartServer) -> None:
        environment, manager = self._find(step.environment)
        manager.restart(environment)


class Returner:
    """:class:`ComeBack`."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def inverse(self, step: ComeBack) -> tuple[Step, ...]:
        environment, manager = self._find(step.environment)
        state = manager.state(environment)
        if not state.running:
            return ()
        if step.renew:
            healthy = ask_environment(environment).healthy
            return (RenewServer(step.environment, step.seconds, demand_health=healthy),)
        back: tuple[Step, ...] = (StartServer(step.environment, state.reloads),)
        # One that was ill before will not be well for having been started again.
        return (*back, AwaitHealth(step.environment, step.seconds)) if ask_environment(environment).healthy else back

    def apply(self, step: ComeBack) -> None:
        return None


class Renewer:
    """:class:`RenewServer`."""

    def __init__(self, find: Find, would_migrate: Callable[[Environment], bool]) -> None:
        self._find = find
        self._would_migrate = would_migrate

    def inverse(self, step: RenewServer) -> tuple[Step, ...]:
        return (KeepOne(step.environment),)

    def apply(self, step: RenewServer) -> Mapping[str, Any]:
        environment, manager = self._find(step.environment)
        slots = Slots(environment, manager.slots(environment))
        try:
            slots.renew(step.seconds, demand_health=step.demand_health)
        except CannotStartError:
            # Two of two schemas do not run beside each other. What would not start alone either has stopped nothing.
            if not self._would_migrate(environment):
                raise
            slots.renew_alone(step.seconds)
        return await_health(manager, environment, step.seconds) if step.demand_health else {}


class OneKeeper:
    """:class:`KeepOne`."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def inverse(self, step: KeepOne) -> tuple[Step, ...]:
        return ()

    def apply(self, step: KeepOne) -> None:
        environment, manager = self._find(step.environment)
        if manager.state(environment).hands_over:
            Slots(environment, manager.slots(environment)).keep_one()


class Waiter:
    """:class:`AwaitHealth`."""

    def __init__(self, find: Find) -> None:
        self._find = find

    def inverse(self, step: AwaitHealth) -> tuple[Step, ...]:
        return ()

    def apply(self, step: AwaitHealth) -> Mapping[str, Any]:
        environment, manager = self._find(step.environment)
        return await_health(manager, environment, step.seconds)


def service_hands(
    environments: Mapping[str, Environment],
    manager_of: Callable[[Environment], ServiceManager],
    would_migrate: Callable[[Environment], bool],
) -> Hands:
    """The hands for the steps of servers.

    Args:
        environments: that are declared, by name.
        manager_of: who runs the server of each.
        would_migrate: whether the program of an environment's server would bring its data to another schema; raises
            GuardError where servers of other machines have them open that could not live with it.
    """

    def find(name: str) -> Managed:
        environment = environments.get(name)
        if environment is None:
            raise NeedsPersonError(
                f"{name} is declared no more, so that its server can be neither stopped nor started."
            )
        return environment, manager_of(environment)

    return {
        StopServer: Stopper(find),
        StartServer: Starter(find),
        RestartServer: Restarter(find),
        ComeBack: Returner(find),
        RenewServer: Renewer(find, would_migrate),
        KeepOne: OneKeeper(find),
        AwaitHealth: Waiter(find),
    }
