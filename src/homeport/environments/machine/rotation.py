"""Log rotation, where logs are files: those of a server that is not Homeport's own."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from homeport.environments.environment import Environment
from homeport.environments.machine.units import head_of

ROTATION: Final = PurePosixPath("/etc/logrotate.d")


def rotation_file(environment: Environment) -> PurePosixPath:
    """Where logrotate looks."""
    return ROTATION / environment.unit


def rotation_text(environment: Environment) -> str:
    """Eight weeks of what such a server writes into the directory of logs."""
    # The server knows nothing of it and goes on writing into the same file, so that this is copied and emptied.
    return f"""\
# {head_of(environment)}
"{environment.logs_directory}/*.log" {{
    su {environment.user} {environment.user}
    weekly
    maxsize 100M
    rotate 8
    compress
    delaycompress
    missingok
    notifempty
    copytruncate
}}
"""
