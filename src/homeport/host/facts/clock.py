"""Whether the machine's clock can be relied on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from homeport.environments.doctor.facts import DirectoryFact
from homeport.errors import HomeportError
from homeport.host.commands import run_command

AHEAD: Final = timedelta(minutes=5)


def judge_clock(now: datetime, directories: Iterable[DirectoryFact]) -> str:
    """What is wrong with the clock, in words; empty where nothing is seen to be.

    A machine that may set its clock by the network and has not done so is at fault; a container that may not is as
    right as its host. Files from the future tell of a clock that was set back.
    """
    future = [one for one in directories if one.newest is not None and one.newest - now > AHEAD]
    if future:
        return f"{future[0].path} has a file from {future[0].newest:%Y-%m-%d %H:%M}, and it is {now:%Y-%m-%d %H:%M}"
    try:
        shown = run_command(("timedatectl", "show", "--property=CanNTP", "--property=NTPSynchronized"), seconds=10)
    except HomeportError:
        return ""
    values = dict(line.partition("=")[::2] for line in shown.output.splitlines())
    if values.get("CanNTP") == "yes" and values.get("NTPSynchronized") == "no":
        return "it is not synchronised"
    return ""
