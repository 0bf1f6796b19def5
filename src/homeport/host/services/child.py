"""A server as a child of this process, whose lines are passed on and whose last words are remembered."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from homeport.contract import ExitCode
from homeport.errors import CannotStartError, HomeportError
from homeport.host.services.keeper import END_LINES, LINE, last_words

_LAST_LINES: Final = 2.0
_LONGEST: Final = 1 << 16


class Child:
    """One process.

    Args:
        command: its arguments.
        directory: where it is started.
        variables: its environment.
        sockets: descriptors that it inherits.
    """

    def __init__(
        self, command: Sequence[str], directory: str, variables: Mapping[str, str], sockets: Sequence[int] = ()
    ) -> None:
        self._end: deque[bytes] = deque(maxlen=END_LINES)
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=dict(variables),
            pass_fds=tuple(sockets),
        )
        self._reader = threading.Thread(target=self._copy, daemon=True)
        self._reader.start()

    @property
    def code(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._process.poll()

    @property
    def last_line(self) -> str:
        """What it said last."""
        return last_words(b"".join(self._end).decode("utf-8", "replace"))[:LINE]

    def end(self, grace: float) -> None:
        """Tells it to end, and ends it where it does not within so many seconds."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_LAST_LINES)

    def ended(self, what: str) -> HomeportError:
        """That it has ended, in words."""
        self._reader.join(_LAST_LINES)
        code = self._process.returncode
        how = f"ended with exit code {code}" if code >= 0 else f"was ended by signal {-code}"
        sentence = f"{what} {how}: {self.last_line or 'it said nothing'}"
        return CannotStartError(sentence) if code == ExitCode.CANNOT_START else HomeportError(sentence)

    def _copy(self) -> None:
        stream = self._process.stdout
        if stream is None:  # It is a pipe, always; this tells the type checker.
            return
        with stream:
            while line := stream.readline(_LONGEST):
                self._end.append(line)
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
