"""Who runs an environment's server on this machine."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

from homeport.environments.environment import Environment
from homeport.environments.services.state import ManagerKind
from homeport.host.releases.current import python_of
from homeport.host.services.processes import ProcessManager
from homeport.host.services.service import ServiceManager
from homeport.host.services.systemd import SystemdManager

_SYSTEMD_RUNS: Final = Path("/run/systemd/system")
"""Is there while systemd is the machine's init (sd_booted(3))."""
_UNIT_DIRECTORIES: Final = (
    *("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"),
)


def manager_for(environment: Environment, file: PurePosixPath) -> ServiceManager:
    """The adapter that an environment declares, or, where it says ``auto``, that fits this machine.

    Args:
        environment: whose server.
        file: its declaration, absolute.
    """
    kind = environment.service.kind
    if kind == "auto":
        kind = find_kind(environment)
    return SystemdManager() if kind == "systemd" else ProcessManager(file, python_of(environment))


def find_kind(environment: Environment) -> ManagerKind:
    """``systemd`` where it runs this machine and has a unit for the environment."""
    if not _SYSTEMD_RUNS.is_dir():
        return "processes"
    installed = any((Path(place) / environment.service_unit).exists() for place in _UNIT_DIRECTORIES)
    return "systemd" if installed else "processes"
