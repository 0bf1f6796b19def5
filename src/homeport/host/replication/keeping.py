"""Keeps one Litestream running on an environment's database: what ``homeport replicate`` does.

It is started anew when it ends, stopped while somebody holds the replication, and killed when the database under it is
another file than it was, which is a history of its own then.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Final

from homeport.environments.backups.replication import Generation, litestream_config
from homeport.environments.environment import Environment
from homeport.errors import CannotStartError, HomeportError
from homeport.files import write_atomically
from homeport.host import bound
from homeport.host.archives.tree import remove_tree
from homeport.host.replication.generations import (
    CURRENT,
    current_generation,
    drop_outdated,
    file_of,
    replica_of,
    write_generation,
)
from homeport.host.replication.holding import is_held, take_running
from homeport.host.replication.litestream import last_message

BETWEEN: Final = 0.25
"""Seconds between two looks."""
_GRACE: Final = 20.0
"""Until a Litestream that was told to stop is killed; it brings what is left to the replica first."""
_LONGEST_PAUSE: Final = 60.0
_TIDY_SECONDS: Final = 3600.0
_CONFIG: Final = "litestream.yml"

Tell = Callable[[str], None]


@dataclass(slots=True)
class _Running:
    """A Litestream, and what it replicates."""

    process: subprocess.Popen[str]
    lock: int
    generation: Generation
    last: deque[str]
    seen: datetime
    """When the database was last seen to be still the same file."""


class ReplicaKeeper:
    """See the module.

    Args:
        environment: with a replica.
        program: litestream.
        tell: gets a line for everything that people should know.
        over: set when it is to end.
        beside: whether it is beside a server, whose forerunner may still have one: that is waited for.
        now: the clock.
    """

    def __init__(
        self,
        environment: Environment,
        program: Path,
        tell: Tell,
        over: threading.Event,
        *,
        beside: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._environment = environment
        self._program = program
        self._tell = tell
        self._over = over
        self._beside = beside
        self._now = now
        self._state = Path(environment.replication_directory)
        self._running: _Running | None = None
        self._pause = 0.0
        self._said = ""
        self._tidied: datetime | None = None

    def run(self) -> None:
        """Keeps it until it is over.

        Raises:
            CannotStartError: another process keeps it already, or its directory cannot be used.
        """
        self._check()
        try:
            while not self._over.is_set():
                self._look()
                self._over.wait(max(BETWEEN, self._pause))
        finally:
            self._stop()

    def _check(self) -> None:
        try:
            replica = replica_of(self._environment)
            replica.mkdir(mode=0o700, exist_ok=True)
            self._state.mkdir(mode=0o700, exist_ok=True)
            is_held(self._state)
            lock = take_running(self._state)
        except HomeportError as error:
            raise CannotStartError(error.sentence, error.hint) from None
        except OSError as error:
            raise CannotStartError(
                f"The replica of {self._environment.name} cannot be kept: {error.filename}: {error.strerror}.",
                "It is kept by the user that the server runs as; homeport provision gives that user the directories.",
            ) from None
        if lock is None and self._beside:
            self._tell("another one replicates; it is waited for")
        elif lock is None:
            raise CannotStartError(
                f"Another Litestream replicates {self._environment.name} already.",
                "Two would spoil each other's replica: let that one run, or stop it first.",
            )
        else:
            os.close(lock)

    def _look(self) -> None:
        """One round: everything that may have happened since the last one."""
        running = self._running
        if running is not None:
            if is_held(self._state):
                self._tell("stopped: the data are being exchanged")
                self._stop()
                return
            if file_of(self._environment) != running.generation.file:
                self._lost(running)
            elif running.process.poll() is not None:
                self._ended(running)
            else:
                running.seen = self._now()
                self._pause = 0.0
            return
        if is_held(self._state) or file_of(self._environment) is None:
            self._pause = 0.0
            return
        try:
            self._start()
        except (HomeportError, OSError) as error:
            self._complain(str(error))
            self._wait_longer()

    def _start(self) -> None:
        replica = replica_of(self._environment)
        lock = take_running(self._state)
        if lock is None:
            # Whoever holds it exchanges the data, or is a Litestream that has not ended yet.
            return
        try:
            generation = current_generation(self._environment, replica, self._now())
            self._tidy(replica, generation)
            process = self._launch(replica, generation, lock)
        except BaseException:
            os.close(lock)
            raise
        last: deque[str] = deque(maxlen=1)
        if process.stderr is not None:
            threading.Thread(target=self._pass_on, args=(process.stderr, last), daemon=True).start()
        self._running = _Running(process, lock, generation, last, self._now())
        self._tell(f"replicating {self._environment.database_file} into {replica / generation.name}")

    def _launch(self, replica: Path, generation: Generation, lock: int) -> subprocess.Popen[str]:
        state = self._state / generation.name
        for other in self._state.iterdir():
            if other.is_dir() and other != state:
                remove_tree(other)
        config = litestream_config(
            self._environment.database_file,
            PurePosixPath(replica / generation.name),
            PurePosixPath(state),
            self._environment.backup.continuous_hours,
        )
        write_atomically(self._state / _CONFIG, config, mode=0o600)
        words = [str(self._program), "replicate", "-config", str(self._state / _CONFIG), "-no-expand-env"]
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(bound.__file__), str(os.getpid()), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            pass_fds=(lock,),
            # Told twice to end, it does not bring the rest to the replica: once by a group, and once from here.
            start_new_session=True,
        )

    def _tidy(self, replica: Path, generation: Generation) -> None:
        now = self._now()
        if self._tidied is not None and (now - self._tidied).total_seconds() < _TIDY_SECONDS:
            return
        self._tidied = now
        for name in drop_outdated(
            self._program, replica, generation.name, now, self._environment.backup.continuous_hours
        ):
            self._tell(f"removed the history {name}, which is older than what is kept")

    def _pass_on(self, stream: IO[str], last: deque[str]) -> None:
        with stream:
            for line in stream:
                last.append(last_message(line))
                self._complain(last_message(line))

    def _lost(self, running: _Running) -> None:
        """The database is another file, and nobody waited for Litestream: its last moments may be of both."""
        self._tell("killed: the database is another file now")
        running.process.kill()
        ended = replace(running.generation, ended=running.seen.isoformat(timespec="milliseconds"))
        self._close(running)
        write_generation(replica_of(self._environment), ended)
        (self._state / CURRENT).unlink(missing_ok=True)

    def _ended(self, running: _Running) -> None:
        code = running.process.returncode
        said = f": {running.last[0]}" if running.last else ""
        self._close(running)
        self._tell(f"litestream ended with exit code {code}{said}; it is started again")
        self._wait_longer()

    def _stop(self) -> None:
        running = self._running
        if running is None:
            return
        running.process.terminate()
        try:
            running.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            running.process.kill()
        self._close(running)

    def _close(self, running: _Running) -> None:
        running.process.wait()
        os.close(running.lock)
        self._running = None

    def _wait_longer(self) -> None:
        self._pause = min(_LONGEST_PAUSE, max(1.0, self._pause * 2))

    def _complain(self, text: str) -> None:
        """Says a thing once for as long as nothing else is to be said: a disk that is full fails every second."""
        if text != self._said:
            self._said = text
            self._tell(text)
