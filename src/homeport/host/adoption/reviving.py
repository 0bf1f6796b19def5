"""Becomes a process again that was started by hand: run as a program of its own, by its path.

Its one argument is the file in which it stands how that process was started. What is secret in there never becomes an
argument or a variable of anything but the process itself. The standard library alone is used, and nothing is printed
but why it cannot be.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

CANNOT = 127
"""The exit code where the program cannot be run."""


def revive(kept: dict[str, Any]) -> None:
    """Replaces this process by the kept one.

    Raises:
        OSError: its directory, its user or its program is not to be had any more.
    """
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    for number, name in ((1, "output"), (2, "errors")):
        os.dup2(_opened(kept[name], null), number)
    os.umask(kept["umask"])
    if os.geteuid() == 0:
        os.setgroups(kept["groups"])
        os.setgid(kept["gid"])
        os.setuid(kept["uid"])
    os.chdir(kept["directory"])
    variables = {os.fsencode(name): os.fsencode(value) for name, value in kept["variables"].items()}
    os.execve(kept["program"], [os.fsencode(word) for word in kept["arguments"]], variables)  # noqa: S606 - no shell


def _opened(path: str | None, otherwise: int) -> int:
    """The file that it wrote to, to be appended to; where that is gone, nothing."""
    if path is None:
        return otherwise
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND)
    except OSError:
        return otherwise


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as stream:  # noqa: PTH123 - quicker to start than with pathlib
        order = json.load(stream)
    try:
        revive(order)
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(CANNOT)
