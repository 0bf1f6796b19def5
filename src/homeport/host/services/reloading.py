"""Runs a server from source that a person is changing: each change is tried, and what does not start is not served.

It runs as the server of its environment (:mod:`.processes` keeps it), and the servers are its children.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final

from watchfiles import Change, watch

from homeport.contract import ExitCode
from homeport.environments.environment import Environment
from homeport.environments.services.reloading import is_source, kept_apart, named, told
from homeport.errors import HomeportError
from homeport.host.services.git import Checkout
from homeport.host.services.notes import note_trouble
from homeport.host.services.successors import Successors, ended

DEBOUNCE: Final = 1600
"""Milliseconds for which changes that follow each other are one, at most: an editor saves several files, git more."""
STEP: Final = 200
"""Milliseconds without a change after which a change is over."""
LOOK: Final = 500
"""Milliseconds between two looks whether the server still runs."""

Changes = Iterator[set[tuple[Change, str]]]


class Reloader:
    """Exchanges the server whenever its source changes, until SIGTERM.

    Args:
        environment: whose server.
        environments: all that are declared: what they write is no source.
        successors: the servers.
        stop: set when this is to end.
        say: writes a line into the server's log.
        changes: what changes, and an empty set now and then; by default in the watched directory.
    """

    def __init__(
        self,
        environment: Environment,
        environments: Collection[Environment],
        successors: Successors,
        stop: threading.Event,
        say: Callable[[str], None],
        changes: Callable[[], Changes] | None = None,
    ) -> None:
        self._environment = environment
        self._watched = watched_directory(environment)
        self._apart = kept_apart(environments, self._watched)
        self._successors = successors
        self._stop = stop
        self._say = say
        self._changes = changes or self._watch
        self._note = Path(environment.reload_file)

    def run(self) -> ExitCode:
        """Serves until it is told to stop.

        Raises:
            HomeportError: the first server does not come up.
        """
        self._note.unlink(missing_ok=True)
        # Before the first server reads its source, so that no change falls between the two.
        changes = self._changes()
        next(changes)
        try:
            self._successors.begin()
            self._tell("info", f"watching {self._watched}")
            for found in changes:
                if self._stop.is_set():
                    break
                self._look()
                paths = self._sources(found)
                if paths:
                    # What is gone again was a name that an editor had for a moment.
                    there = [path for path in paths if Path(path).exists()]
                    self._exchange(named(there or paths, self._watched))
        except HomeportError:
            if not self._stop.is_set():
                raise
        finally:
            self._successors.end()
            self._note.unlink(missing_ok=True)
        return ExitCode.DONE

    def _exchange(self, what: str) -> None:
        self._tell("info", f"{what} changed: trying it")
        try:
            self._successors.exchange()
        except (HomeportError, OSError) as error:
            if not self._stop.is_set():
                self._trouble(f"{what} changed and does not start: {_sentence(error)}")
            return
        self._note.unlink(missing_ok=True)
        self._tell("info", f"{what} changed: the server is exchanged")

    def _look(self) -> None:
        error = self._successors.find_end()
        if error is not None and not self._stop.is_set():
            self._trouble(f"{ended(error.sentence)} It is started again with the next change.")

    def _trouble(self, text: str) -> None:
        self._tell("error", text)
        note_trouble(self._note, text)

    def _sources(self, found: set[tuple[Change, str]]) -> set[PurePosixPath]:
        paths = {PurePosixPath(path) for _, path in found}
        sources = {path for path in paths if is_source(path, self._watched, self._apart)}
        if not sources or self._environment.service.checkout is None:
            return sources
        return sources - Checkout(Path(self._watched)).ignored(sources)

    def _watch(self) -> Changes:
        return watch(
            Path(self._watched),
            watch_filter=None,
            debounce=DEBOUNCE,
            step=STEP,
            stop_event=self._stop,
            rust_timeout=LOOK,
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )

    def _tell(self, level: str, text: str) -> None:
        self._say(told(self._environment, datetime.now(UTC), level, text, self._environment.log_format))


def watched_directory(environment: Environment) -> PurePosixPath:
    """Where an environment's source lies: its checkout, or where another server is started."""
    return environment.service.checkout or environment.service.working_directory


def stopped_by_signal() -> threading.Event:
    """An event that SIGTERM and SIGINT set, from now on."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _sentence(error: HomeportError | OSError) -> str:
    return error.sentence if isinstance(error, HomeportError) else str(error)
