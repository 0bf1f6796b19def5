"""Runs a program to its end: an argument list, no shell, a limit on time and on what it may say."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from homeport.errors import HomeportError

SHOWN: Final = 600
"""Characters of a failed command's last words that an error carries."""
_BETWEEN: Final = 0.2


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    code: int
    """As :attr:`subprocess.Popen.returncode`: negative for a signal."""
    output: str
    errors: str

    @property
    def last_words(self) -> str:
        """The end of what it said, on one line: what went wrong usually stands there."""
        return " ".join((self.errors or self.output).split())[-SHOWN:]


def run_command(
    command: Sequence[str],
    *,
    seconds: float = 120.0,
    given: str | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str | None = None,
) -> Finished:
    """Runs a command and waits for it; whatever code it ends with is answered.

    Args:
        command: the program and its arguments.
        seconds: it is killed after so long.
        given: its standard input; nothing by default.
        environment: instead of this process's own.
        directory: where it runs.

    Raises:
        HomeportError: there is no such program, or it took too long.
    """
    try:
        done = subprocess.run(
            list(command),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            timeout=seconds,
            check=False,
            encoding="utf-8",
            errors="replace",
            env=None if environment is None else dict(environment),
            cwd=directory,
        )
    except FileNotFoundError:
        raise HomeportError(
            f"There is no program {command[0]} on this machine.", "Install it, then try again."
        ) from None
    except PermissionError:
        raise HomeportError(f"{command[0]} may not be run by this user.") from None
    except subprocess.TimeoutExpired:
        raise _too_long(command, seconds) from None
    return Finished(done.returncode, done.stdout, done.stderr)


def run_until(command: Sequence[str], enough: Callable[[], bool], *, seconds: float) -> Finished | None:
    """As :func:`run_command`, but waits no longer than until ``enough`` holds: the command is killed and None returned.

    Args:
        command: the program, which nothing is lost with, and its arguments.
        enough: is asked again and again.
        seconds: it is killed after so long.

    Raises:
        HomeportError: there is no such program, or it took too long.
    """
    end = time.monotonic() + seconds
    try:
        process = subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    except OSError as error:
        raise HomeportError(f"{command[0]} cannot be run: {error.strerror}.") from None
    with process:
        while True:
            try:
                output, errors = process.communicate(timeout=_BETWEEN)
            except subprocess.TimeoutExpired:
                if enough():
                    process.kill()
                    return None
                if time.monotonic() >= end:
                    process.kill()
                    raise _too_long(command, seconds) from None
            else:
                return Finished(process.returncode, output, errors)


def demand_command(command: Sequence[str], *, seconds: float = 120.0) -> Finished:
    """As :func:`run_command`, for a command that must end with 0.

    Raises:
        HomeportError: it did not; the sentence has its last words.
    """
    done = run_command(command, seconds=seconds)
    if done.code != 0:
        said = f": {done.last_words}" if done.last_words else "."
        raise HomeportError(f"{shlex.join(command)} ended with exit code {done.code}{said}")
    return done


def _too_long(command: Sequence[str], seconds: float) -> HomeportError:
    return HomeportError(f"{shlex.join(command)} did not end within {seconds:.0f} seconds, and was killed.")
