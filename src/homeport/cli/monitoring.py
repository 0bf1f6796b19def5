"""Has the declared file of metrics tell of what a command did, however that ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from homeport.cli.output import tell
from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.host.backups.textfile import write_metrics


@contextmanager
def told_to_monitoring(environment: Environment) -> Iterator[None]:
    """Writes the file when the block ends; one that cannot be written is told, and makes nothing else fail."""
    try:
        yield
    finally:
        try:
            write_metrics(environment)
        except HomeportError as error:
            tell(f"homeport: {error}")
