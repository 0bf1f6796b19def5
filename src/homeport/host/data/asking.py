"""Asks a release's own program about data, or has it work on them: ``homeport data ... --json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from homeport.contract import ExitCode
from homeport.errors import HomeportError
from homeport.host.commands import run_command
from homeport.host.parent import ending_with_us

_SECONDS: Final = 6 * 3600.0
"""For one copy, look or migration: a disk that needs longer is broken."""


def ask_program(
    program: Sequence[str], *words: str, allowed: Sequence[ExitCode] = (), ends_with_us: bool = False
) -> Any:  # noqa: ANN401 - each answer has its type in contract.py
    """The answer of one ``homeport data`` command.

    Args:
        program: what runs the release's ``homeport``.
        words: the action and its arguments.
        allowed: exit codes besides 0 with which it answers.
        ends_with_us: whether it must not go on once this process is gone: it changes data.

    Raises:
        HomeportError: it refused, in its own words, and with its details.
    """
    command = (*program, "data", *words, "--json")
    done = run_command(ending_with_us(command) if ends_with_us else command, seconds=_SECONDS)
    if done.code not in (ExitCode.DONE, *allowed):
        raise _refusal(words[0], done.errors, done.code)
    try:
        return json.loads(done.output)
    except ValueError:
        raise HomeportError(f"homeport data {words[0]} answered what is no JSON: {done.last_words}") from None


def _refusal(action: str, errors: str, code: int) -> HomeportError:
    """What another program's error says."""
    for line in reversed(errors.splitlines()):
        try:
            error = json.loads(line)["error"]
            return HomeportError(str(error["message"]), str(error.get("hint", "")), **error.get("details", {}))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return HomeportError(f"homeport data {action} ended with exit code {code}: {' '.join(errors.split())[-400:]}")
