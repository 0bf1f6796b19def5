"""Asks systemd how units are, and its journal what they said last."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import psutil

from homeport.environments.services.state import ServiceEnd
from homeport.errors import HomeportError
from homeport.host.commands import run_command
from homeport.host.services.keeper import END_LINES, last_words
from homeport.host.services.show import PROPERTIES, Unit, parse_show

LONGEST_LINE: Final = 400


def show_units(units: Sequence[str]) -> list[Unit]:
    """What systemd says of units, in the order in which they are named.

    Raises:
        HomeportError: it does not answer.
    """
    done = run_command(["systemctl", "show", "--property", ",".join(PROPERTIES), "--", *units], seconds=30)
    if done.code != 0:
        raise HomeportError(f"systemd does not answer: {done.last_words}.")
    return parse_show(done.output)


def waits_for_data(unit: str) -> bool:
    """Whether a server was started and says that it waits for its data, which may take as long as it likes."""
    return any(one.waits_for for one in show_units([unit]))


def end_of(unit: Unit) -> ServiceEnd | None:
    """How a unit's last run ended, with its last line where it failed; None where none did."""
    return unit.end(boot(), _signal_name(unit.status), _last_line(unit) if unit.has_failed else "")


def boot() -> datetime:
    """When this machine was started."""
    return datetime.fromtimestamp(psutil.boot_time(), UTC)


def _last_line(unit: Unit) -> str:
    """What its last run said last; what systemd says of it is not counted."""
    if unit.never_ran or not unit.invocation:
        return ""
    match = f"_SYSTEMD_INVOCATION_ID={unit.invocation}"
    done = run_command(
        ["journalctl", "--quiet", "--no-pager", "--output", "cat", "--lines", str(END_LINES), match], seconds=60
    )
    return last_words(done.output)[:LONGEST_LINE]


def _signal_name(number: str) -> str | None:
    with suppress(ValueError):
        return signal.Signals(int(number)).name
    return None
