"""Runs a program to its end: an argument list, no shell, a limit on time and on what it may say."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from homeport.errors import HomeportError

SHOWN: Final = 600
"""Characters of a failed command's last words that an error carries."""


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
        raise HomeportError(
            f"{shlex.join(command)} did not end within {seconds:.0f} seconds, and was killed."
        ) from None
    return Finished(done.returncode, done.stdout, done.stderr)


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
