"""Runs child processes in the foreground, side by side, until each has ended.

``homeport up`` is this with servers as children. Each child leads a session of its own, so that a Ctrl-C of
the terminal reaches only this process, which then ends them in order: SIGTERM, a bounded wait, SIGKILL.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Protocol

from homeport.host.health import HealthAnswer, wait_for_health

_LONGEST_LINE = 64 * 1024
_BETWEEN_ASKS = 0.05
_LAST_WAIT = 5.0


@dataclass(frozen=True, slots=True)
class ChildCommand:
    """A process to run."""

    name: str
    arguments: Sequence[str]
    ask: Callable[[], HealthAnswer]
    """One question whether it is up."""


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How a child ended."""

    name: str
    code: int
    """As :attr:`subprocess.Popen.returncode`: negative for a signal."""
    last_line: str
    asked: bool
    """Whether it had been told to stop."""

    def __str__(self) -> str:
        by_signal = self.code < 0
        how = f"was ended by {signal.Signals(-self.code).name}" if by_signal else f"ended with exit code {self.code}"
        return f"{self.name} {how}" + (f": {self.last_line}" if self.last_line else "")


class Listener(Protocol):
    """Who is told what happens, always from the thread that called :meth:`Supervisor.run`."""

    def line(self, name: str, text: str) -> None:
        """A child wrote a line."""

    def ended(self, end: ChildEnd) -> None:
        """A child ended."""

    def settled(self, answers: dict[str, HealthAnswer]) -> None:
        """Each child has either answered or ended, or the time for it is over; once."""


@dataclass(slots=True)
class _Child:
    command: ChildCommand
    process: subprocess.Popen[bytes]
    gone: threading.Event = field(default_factory=threading.Event)
    reaping: threading.Lock = field(default_factory=threading.Lock)
    """Held while it is reaped or signalled, so that no signal reaches a stranger who got its pid."""
    last_line: str = ""
    asked: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class _Answered:
    name: str
    answer: HealthAnswer


@dataclass(frozen=True, slots=True)
class _Ended:
    name: str


class _Stop:
    pass


class Supervisor:
    """Starts children, passes their lines on, and sees to it that none outlives it.

    Args:
        listener: who is told.
        grace: seconds between SIGTERM and SIGKILL.
        start_limit: seconds in which each child should answer healthy.
        monotonic: the clock.
    """

    def __init__(
        self,
        listener: Listener,
        *,
        grace: float = 15.0,
        start_limit: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener = listener
        self._grace = grace
        self._start_limit = start_limit
        self._monotonic = monotonic
        # SimpleQueue's put is safe inside a signal handler.
        self._events: SimpleQueue[_Line | _Answered | _Ended | _Stop] = SimpleQueue()
        self._children: dict[str, _Child] = {}
        self._ends: list[ChildEnd] = []
        self._answers: dict[str, HealthAnswer] = {}
        self._settled = False
        self._stopping = False
        self._kill_at: float | None = None

    def stop(self) -> None:
        """Asks all children to end; asked a second time, kills them. Safe in a signal handler."""
        self._events.put(_Stop())

    def run(self, commands: Sequence[ChildCommand]) -> list[ChildEnd]:
        """Runs the commands until every one has ended, and says how each did, in that order.

        Raises:
            OSError: a command could not be started, or the listener could not write; all were ended first.
        """
        try:
            for command in commands:
                self._start(command)
            while len(self._ends) < len(self._children):
                self._handle(self._next_event())
        finally:
            self._end_all()
        return self._ends

    def _start(self, command: ChildCommand) -> None:
        process = subprocess.Popen(
            command.arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        child = _Child(command, process)
        self._children[command.name] = child
        reader = threading.Thread(target=self._read, args=(child,), daemon=True)
        reader.start()
        threading.Thread(target=self._await, args=(child, reader), daemon=True).start()
        threading.Thread(target=self._ask, args=(child,), daemon=True).start()

    def _next_event(self) -> _Line | _Answered | _Ended | _Stop | None:
        if self._kill_at is None:
            return self._events.get()
        try:
            return self._events.get(timeout=max(0.0, self._kill_at - self._monotonic()))
        except Empty:
            return None

    def _handle(self, event: _Line | _Answered | _Ended | _Stop | None) -> None:
        match event:
            case _Line(name, text):
                self._children[name].last_line = text or self._children[name].last_line
                self._listener.line(name, text)
            case _Answered(name, answer):
                self._answers[name] = answer
                self._settle()
            case _Ended(name):
                child = self._children[name]
                end = ChildEnd(name, child.process.returncode, child.last_line, child.asked)
                self._ends.append(end)
                self._listener.ended(end)
            case _Stop() if not self._stopping:
                self._stopping = True
                self._kill_at = self._monotonic() + self._grace
                self._terminate_all()
            case _:
                self._kill_at = None
                self._kill_all()

    def _settle(self) -> None:
        if not self._settled and len(self._answers) == len(self._children):
            self._settled = True
            if not self._stopping:
                self._listener.settled(self._answers)

    def _end_all(self) -> None:
        """Where an error ends the supervision (who read our output has gone, say), children end in order too."""
        self._terminate_all()
        deadline = self._monotonic() + self._grace
        for child in self._children.values():
            child.gone.wait(max(0.0, deadline - self._monotonic()))
        self._kill_all()
        for child in self._children.values():
            child.gone.wait(_LAST_WAIT)

    def _terminate_all(self) -> None:
        for child in self._children.values():
            with child.reaping:
                if not child.gone.is_set():
                    child.asked = True
                    os.kill(child.process.pid, signal.SIGTERM)

    def _kill_all(self) -> None:
        for child in self._children.values():
            with child.reaping:
                if not child.gone.is_set():
                    os.killpg(child.process.pid, signal.SIGKILL)

    def _read(self, child: _Child) -> None:
        if child.process.stdout is None:  # It is a pipe, always; this tells the type checker.
            return
        with child.process.stdout as stream:
            while line := stream.readline(_LONGEST_LINE):
                self._events.put(_Line(child.command.name, line.decode("utf-8", "replace").rstrip("\r\n")))

    def _await(self, child: _Child, reader: threading.Thread) -> None:
        # WNOWAIT leaves the pid taken until whatever the child itself started is ended too.
        os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT)
        with child.reaping:
            with suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
            child.gone.set()
        reader.join(_LAST_WAIT)  # So that its last line comes before its end.
        self._events.put(_Ended(child.command.name))

    def _ask(self, child: _Child) -> None:
        tries = max(1, int(self._start_limit / _BETWEEN_ASKS))
        answer = wait_for_health(child.command.ask, lambda: child.gone.wait(_BETWEEN_ASKS), tries)
        self._events.put(_Answered(child.command.name, answer))


@contextmanager
def stopped_by_signals(supervisor: Supervisor) -> Iterator[None]:
    """While it lasts, SIGINT, SIGTERM and SIGHUP stop the children; the second such signal kills them."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: supervisor.stop()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
