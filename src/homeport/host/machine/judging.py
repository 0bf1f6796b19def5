"""Candidates judged before they are in place: units by systemd, and a sandbox by what it lets through."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from homeport.environments.machine.steps import JudgeUnits, ProbeSandbox
from homeport.environments.steps import Step
from homeport.errors import HomeportError
from homeport.host.commands import Finished, run_command
from homeport.host.hands import Hands

_PROBE: Final = ".homeport-probe.sandbox"
"""A name that nobody takes for data; see :mod:`homeport.identity`."""
_NAMESPACE: Final = 226


class UnitJudge:
    """:class:`JudgeUnits`."""

    def inverse(self, step: JudgeUnits) -> tuple[Step, ...]:
        return ()

    def apply(self, step: JudgeUnits) -> None:
        with tempfile.TemporaryDirectory(prefix="homeport-units.") as place:
            for candidate in step.candidates:
                Path(place, candidate.path.name).write_text(candidate.text or "", encoding="utf-8")
            # A template is judged by one of its instances.
            names = [candidate.path.name.replace("@.", "@blue.") for candidate in step.candidates]
            verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no"]
            told = run_command([*verify, *(f"{place}/{name}" for name in names)], seconds=60)
            if told.code != 0:
                raise HomeportError(f"systemd finds fault with the units: {told.last_words.replace(f'{place}/', '')}")


class SandboxProbe:
    """:class:`ProbeSandbox`."""

    def inverse(self, step: ProbeSandbox) -> tuple[Step, ...]:
        return ()

    def apply(self, step: ProbeSandbox) -> None:
        for directory in step.writable:
            probe = Path(directory) / _PROBE
            try:
                told = in_sandbox(step.settings, ["/usr/bin/touch", str(probe)])
            finally:
                probe.unlink(missing_ok=True)
            if told.code != 0:
                raise HomeportError(f"In the unit's sandbox {directory} {_cause(told)}.", _hint(told))
        told = in_sandbox(step.settings, step.command)
        if told.code != 0:
            raise HomeportError(f"In the unit's sandbox {shlex.join(step.command)} {_cause(told)}.", _hint(told))


def in_sandbox(settings: Sequence[tuple[str, str]], command: Sequence[str], *, seconds: float = 120.0) -> Finished:
    """Runs a command as a unit with these settings would.

    Args:
        settings: as they stand in the unit.
        command: the program, absolute, and its arguments.
        seconds: how long it may take.
    """
    options = ("--wait", "--pipe", "--quiet", "--collect")
    return run_command(["systemd-run", *options, *properties(settings), "--", *command], seconds=seconds)


def properties(settings: Sequence[tuple[str, str]]) -> list[str]:
    """Settings of a unit as ``systemd-run`` takes them: on a command line there are no specifiers to be escaped."""
    return [f"--property={name}={value.replace('%%', '%')}" for name, value in settings]


def _cause(told: Finished) -> str:
    match told.code:
        case 226:
            return "cannot be shown: a directory that the unit names is not there (226/NAMESPACE)"
        case 217:
            return "has no user: the unit's user is not known (217/USER)"
        case code:
            said = f": {told.last_words}" if told.last_words else ""
            return f"failed with {code}{said}".rstrip(".")


def _hint(told: Finished) -> str:
    if told.code == _NAMESPACE:
        return "Is its disk mounted?"
    if "read-only file system" in told.last_words.lower():
        return "Its disk is mounted read-only (findmnt -T shows it)."
    return "The server would have met the same; nothing of it is in place yet."


JUDGING_HANDS: Final[Hands] = {JudgeUnits: UnitJudge(), ProbeSandbox: SandboxProbe()}
