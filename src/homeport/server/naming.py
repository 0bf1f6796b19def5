"""What a server is called in the database that it has open together with others."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

from homeport.contract.servers import ServerName, home_of
from homeport.storage.migrations.revisions import HEAD

_MACHINE: Final = Path("/etc/machine-id")


def here(data_directory: Path) -> str:
    """The mark of the servers of a data directory; see :func:`homeport.contract.servers.home_of`."""
    machine = ""
    with suppress(OSError):
        machine = _MACHINE.read_text(encoding="ascii", errors="replace").strip()
    return home_of(f"{machine} {socket.gethostname()}", str(data_directory))


def name_of(data_directory: Path, release: str | None) -> str:
    """What connections of this server call themselves."""
    return str(ServerName(HEAD, release or "", here(data_directory), socket.gethostname()))
