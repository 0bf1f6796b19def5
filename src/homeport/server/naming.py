"""What a server is called in the database that it has open together with others."""

from __future__ import annotations

import socket
from pathlib import Path

from homeport.contract.servers import ServerName, home_of
from homeport.storage.machine import this_machine
from homeport.storage.migrations.revisions import HEAD


def here(data_directory: Path) -> str:
    """The mark of the servers of a data directory; see :func:`homeport.contract.servers.home_of`."""
    return home_of(this_machine(), str(data_directory))


def name_of(data_directory: Path, release: str | None) -> str:
    """What connections of this server call themselves."""
    return str(ServerName(HEAD, release or "", here(data_directory), socket.gethostname()))
