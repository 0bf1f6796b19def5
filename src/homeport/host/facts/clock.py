"""Whether the machine's clock can be relied on."""

from __future__ import annotations

from homeport.errors import HomeportError
from homeport.host.commands import run_command


def judge_clock() -> str:
    """What is wrong with the clock, in words; empty where nothing is seen to be.

    A machine that may set its clock by the network and has not done so is at fault; a container that may not is as
    right as its host.
    """
    try:
        shown = run_command(("timedatectl", "show", "--property=CanNTP", "--property=NTPSynchronized"), seconds=10)
    except HomeportError:
        return ""
    values = dict(line.partition("=")[::2] for line in shown.output.splitlines())
    if values.get("CanNTP") == "yes" and values.get("NTPSynchronized") == "no":
        return "it is not synchronised"
    return ""
