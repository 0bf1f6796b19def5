"""Lets a child end with the process that started it, also when that is killed.

A server that goes on unseen after its ``homeport up`` is gone would hold its port and its data (docs/incident.md: a dev
server ran on for eleven days unseen).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent(parent: int) -> None:
    """Has the kernel send this process SIGTERM when its parent ends; elsewhere than on Linux does nothing.

    Args:
        parent: pid of the process that this one is to end with. If it is gone already, this one ends now.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def ending_with_us(command: Sequence[str]) -> tuple[str, ...]:
    """A command that does what ``command`` does, and ends with this process, also where that is killed."""
    return (sys.executable, "-P", "-m", __spec__.name, str(os.getpid()), *command)


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    # The kernel keeps in mind across this what it was told.
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - an argument list; no shell
