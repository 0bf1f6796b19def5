"""How a reverse proxy reaches an environment, and the world reaches the proxy."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from homeport.environments.names import PRESETS
from homeport.environments.paths import absolute
from homeport.environments.settings import EnvironmentSettings

LOOPBACK_NAME: Final = "localhost"
"""The server name of a site that nobody gave a name: it answers this machine alone."""

LONGEST_USER: Final = 31
"""Characters that a user's name may have on Linux."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """What nginx is told about one environment."""

    path: str
    """What is added to the public paths: ``/dev`` makes ``/mcp/dev`` of ``/mcp``; empty for none."""
    server_name: str
    """The server block that the locations go into."""
    site: PurePosixPath
    """The file that has that block, or gets it where it does not exist."""
    port: int
    """Where a block that is made listens; one that stands listens where it says."""

    @property
    def place(self) -> str:
        """What no other environment may have: one path of one server."""
        return f"{self.path or '/'} of {self.server_name}"


@dataclass(frozen=True, slots=True)
class Schedules:
    """When timers run, as systemd's OnCalendar= has it; empty for never."""

    backup: str
    drill: str
    doctor: str


def make_proxy(name: str, settings: EnvironmentSettings, root: PurePosixPath) -> Proxy | None:
    """Fills what was not declared; None without a proxy."""
    if settings.proxy == "none":
        return None
    server_name = settings.server_name or next(iter(settings.allowed_hosts), LOOPBACK_NAME)
    own = f"/etc/nginx/conf.d/homeport-{server_name}.conf"
    site = absolute(root, settings.nginx_site or own)
    return Proxy(proxy_path_of(name, settings), server_name, site, settings.proxy_port)


def proxy_path_of(name: str, settings: EnvironmentSettings) -> str:
    """What a reverse proxy adds to the public paths of the environment."""
    if settings.proxy_path is not None:
        return settings.proxy_path
    preset = PRESETS.get(name)
    return preset.proxy_path if preset else f"/{name}"


def default_user(unit: str) -> str:
    """The unit's name, or as much of it as a user's name may have, and what tells it from its like."""
    if len(unit) <= LONGEST_USER:
        return unit
    return f"{unit[: LONGEST_USER - 9]}-{hashlib.sha256(unit.encode()).hexdigest()[:8]}"
