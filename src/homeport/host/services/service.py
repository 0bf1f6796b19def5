"""The port to whoever runs servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from homeport.environments.environment import Environment
from homeport.environments.services.state import ManagerKind, ServiceState
from homeport.host.services.slots import SlotRunner


class ServiceManager(Protocol):
    """Runs the servers of environments. Whoever changes something holds the environment's operation lock.

    What it cannot prove to be its own it never ends: a process is known by when it began and by what it was told
    at its start, never by the name of its program.
    """

    @property
    def kind(self) -> ManagerKind:
        """Which adapter it is."""

    def state(self, environment: Environment) -> ServiceState:
        """How the server is, and who has its ports.

        Raises:
            HomeportError: the manager itself does not answer.
        """

    def start(self, environment: Environment, *, reload: bool = False) -> None:
        """Has the server run; where it runs already, nothing happens. That it is well is not waited for.

        Args:
            environment: whose.
            reload: whether it is exchanged whenever its source changes.

        Raises:
            CannotStartError: somebody else holds a port or the data; who is named.
            GuardError: this manager cannot exchange it so.
            HomeportError: it could not be started.
        """

    def stop(self, environment: Environment) -> None:
        """Ends the server, and waits until it has ended; where it does not run, nothing happens.

        Raises:
            HomeportError: it could not be ended.
        """

    def restart(self, environment: Environment) -> None:
        """:meth:`stop`, then :meth:`start` as it ran."""

    def slots(self, environment: Environment) -> SlotRunner:
        """The two slots of a server of Homeport's own, where its state says that it hands over, or nothing runs."""

    def logs(self, environment: Environment, lines: int, *, follow: bool = False) -> Iterator[str]:
        """The last lines of its log, the oldest first, without their ends; with ``follow`` also all that come.

        Raises:
            HomeportError: this user may not read it.
        """
