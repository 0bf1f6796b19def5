"""What systemd says of units."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from homeport.environments.machine.facts import UnitState
from homeport.host.commands import demand_command, run_command

_RUNNING: Final = Path("/run/systemd/system")
_ENABLED: Final = ("enabled", "enabled-runtime", "linked", "linked-runtime", "alias")
_ACTIVE: Final = ("active", "reloading", "activating")


def has_systemd() -> bool:
    """Whether systemd is this machine's first process, as sd_booted(3) asks."""
    return _RUNNING.is_dir()


def unit_state(name: str) -> UnitState:
    """The state of one unit; all of it false where nobody knows it, or there is no systemd."""
    if not has_systemd():
        return UnitState()
    asked = ("LoadState", "UnitFileState", "ActiveState", "NeedDaemonReload", "DropInPaths")
    told = run_command(["systemctl", "show", f"--property={','.join(asked)}", "--", name], seconds=30)
    found = dict(line.partition("=")[::2] for line in told.output.splitlines())
    return UnitState(
        known=found.get("LoadState") == "loaded",
        enabled=found.get("UnitFileState") in _ENABLED,
        active=found.get("ActiveState") in _ACTIVE,
        stale=found.get("NeedDaemonReload") == "yes",
        replaced=tuple(PurePosixPath(path) for path in found.get("DropInPaths", "").split()),
    )


def systemctl(*arguments: str, seconds: float = 120.0) -> None:
    """Runs ``systemctl``, which asks nobody for a password.

    Raises:
        HomeportError: it failed; its last words are in the sentence.
    """
    demand_command(["systemctl", "--no-ask-password", *arguments], seconds=seconds)


def last_lines(unit: str, lines: int = 3) -> Sequence[str]:
    """What a unit's processes said last, or what systemd said of it where they said nothing."""
    for chosen in (f"_SYSTEMD_UNIT={unit}", f"--unit={unit}"):
        told = run_command(
            ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--lines={lines}", chosen], seconds=30
        )
        found = [line.strip() for line in told.output.splitlines() if line.strip()]
        if found:
            return found
    return []
