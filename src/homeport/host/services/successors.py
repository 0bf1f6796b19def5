"""Servers of one environment, one after the other, while its source changes: the next is tried before the last ends."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from homeport.contract import HTTP_SOCKET, SSE_SOCKET, ExitCode
from homeport.environments.environment import Environment
from homeport.environments.services.health import HealthAnswer
from homeport.errors import HomeportError
from homeport.host.health import ask_environment
from homeport.host.ports import check_ports, listening_sockets
from homeport.host.served_copy import CopyClient
from homeport.host.services import hand_over
from homeport.host.services.child import Child

GRACE: Final = 30.0
"""Seconds between SIGTERM and SIGKILL; a server finishes what is under way within 25."""
_BETWEEN: Final = 0.05
_SLOTS: Final = ("blue", "green")


class Successors(Protocol):
    """Runs a server from source that changes."""

    def begin(self) -> None:
        """The first server.

        Raises:
            HomeportError: it does not come up; none runs.
        """

    def exchange(self) -> None:
        """A server from the source as it is now, in place of the one that runs.

        Raises:
            HomeportError: it does not come up; the sentence says whether the one before goes on.
        """

    def find_end(self) -> HomeportError | None:
        """How the server ended by itself; None while it runs. It is asked once for each end."""

    def end(self) -> None:
        """Ends what runs."""


class OwnSuccessors:
    """Homeport's own server: this process holds the ports, and each server is handed them.

    The next one stands by beside the one that serves (decision 0012), and only when it is ready the one before is told
    to stop: no connection is refused, and what does not come up has changed nothing.

    Args:
        environment: whose.
        command: runs the server in the foreground.
        directory: for private sockets; alone of this process.
        seconds: how long a server may take until it is well.
        stopping: whether to give up waiting.
    """

    def __init__(
        self,
        environment: Environment,
        command: Sequence[str],
        directory: Path,
        seconds: float,
        stopping: Callable[[], bool],
    ) -> None:
        self._environment = environment
        self._command = tuple(command)
        self._directory = directory
        self._seconds = seconds
        self._stopping = stopping
        self._sockets: list[socket.socket] = []
        self._current: Child | None = None
        self._turn = 0

    def begin(self) -> None:
        self._sockets = listening_sockets(self._environment)
        try:
            self._current = self._ready()
        except BaseException:
            self._close()
            raise

    def exchange(self) -> None:
        if self._current is None:
            self.begin()
            return
        try:
            before, self._current = self._current, self._ready()
        except HomeportError as error:
            raise type(error)(f"{ended(error.sentence)} The one before goes on.") from None
        before.end(GRACE)

    def find_end(self) -> HomeportError | None:
        if self._current is None or self._current.code is None:
            return None
        error, self._current = self._current.ended("The server"), None
        # Nobody accepts any more: whoever calls is better refused than left waiting.
        self._close()
        return error

    def end(self) -> None:
        if self._current is not None:
            self._current.end(GRACE)
        self._current = None
        self._close()

    def _close(self) -> None:
        for one in self._sockets:
            one.close()
        self._sockets = []

    def _ready(self) -> Child:
        """A server that is ready, beside the one that serves where one does."""
        self._turn += 1
        path = self._directory / f"{_SLOTS[self._turn % 2]}.sock"
        given = [one.fileno() for one in self._sockets]
        words = ("--standby", "--also-socket", str(path), "--with-parent", str(os.getpid()))
        launcher = (sys.executable, "-I", "-S", str(hand_over.__file__), ",".join(map(str, given)))
        names = (HTTP_SOCKET, SSE_SOCKET)[: len(given)]
        child = Child(
            (*launcher, *self._command, *words),
            str(self._environment.service.working_directory),
            {**_variables(self._environment), "LISTEN_FDNAMES": ":".join(names)},
            given,
        )
        client = CopyClient(path, None, 2.0)
        try:
            _await(child, lambda: client.health(self._environment.name), self._seconds, self._stopping)
        except HomeportError as error:
            child.end(GRACE)
            if child.code == ExitCode.CANNOT_START and self._current is not None:
                # Two of two schemas do not run beside each other.
                alone = f"homeport restart {self._environment.name} starts it alone."
                raise type(error)(f"{ended(error.sentence)} {alone}") from None
            raise
        except BaseException:
            child.end(GRACE)
            raise
        return child


class ForeignSuccessors:
    """A server that opens its ports itself: the one before must end before the next can begin.

    Args:
        environment: whose.
        seconds: how long a server may take until it is well.
        stopping: whether to give up waiting.
    """

    def __init__(self, environment: Environment, seconds: float, stopping: Callable[[], bool]) -> None:
        self._environment = environment
        self._seconds = seconds
        self._stopping = stopping
        self._current: Child | None = None

    def begin(self) -> None:
        service = self._environment.service
        check_ports(self._environment.listen, self._environment.ports)
        child = Child(service.command, str(service.working_directory), _variables(self._environment))
        try:
            _await(child, lambda: ask_environment(self._environment), self._seconds, self._stopping)
        except BaseException:
            child.end(GRACE)
            raise
        self._current = child

    def exchange(self) -> None:
        self.end()
        try:
            self.begin()
        except HomeportError as error:
            raise type(error)(f"{ended(error.sentence)} Nothing serves until the next change.") from None

    def find_end(self) -> HomeportError | None:
        if self._current is None or self._current.code is None:
            return None
        error, self._current = self._current.ended("The server"), None
        return error

    def end(self) -> None:
        if self._current is not None:
            self._current.end(GRACE)
        self._current = None


def ended(sentence: str) -> str:
    """A sentence of a server's own, with a full stop where it has none."""
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def _variables(environment: Environment) -> Mapping[str, str]:
    return {**os.environ, **dict(environment.service.variables)}


def _await(child: Child, ask: Callable[[], HealthAnswer], seconds: float, stopping: Callable[[], bool]) -> None:
    """Waits until a child answers that it is well.

    Raises:
        HomeportError: it ended, or took too long; in its own words where it has some.
    """
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer.healthy and child.code is None:
            return
        if child.code is not None:
            raise child.ended("The server")
        if stopping():
            raise HomeportError("The server was not waited for any longer.")
        if time.monotonic() >= deadline:
            said = f" The last line of its log: {child.last_line}" if child.last_line else ""
            raise HomeportError(f"The server was not well within {seconds:.0f} seconds: {answer.reason}.{said}")
        time.sleep(_BETWEEN)
