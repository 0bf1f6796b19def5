"""What tells this machine from others: a name alone does not, since clones and containers may share one."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

_ID: Final = Path("/etc/machine-id")


def this_machine() -> str:
    """Not to be shown as it is: systemd wants its part of it to stay on the machine.

    Containers of one image may have one id, or none; then the name of the host is what is left to tell them apart.
    """
    machine = ""
    with suppress(OSError):
        machine = _ID.read_text(encoding="ascii", errors="replace").strip()
    return f"{machine} {socket.gethostname()}"
