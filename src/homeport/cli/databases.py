"""The database that a command works with: the declared one, with a password that this process may read, or a copy's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from homeport.contract import DatabaseAddress
from homeport.environments.database import PASSWORD_CREDENTIAL
from homeport.environments.environment import Environment
from homeport.errors import UsageError
from homeport.whereabouts import read_whereabouts, shown


def database_of_copy(environment: Environment, copy: Path) -> DatabaseAddress | None:
    """The database that a copy of an environment's data names as its own; None where it has a file.

    Raises:
        UsageError: it is the declared one, which no copy may be served on.
        CannotStartError: what the copy says cannot be understood.
    """
    url = read_whereabouts(copy)
    if url is None:
        return None
    declared = environment.database
    if declared is not None and shown(declared.url) == shown(url):
        raise UsageError(
            f"{copy} says that its data are in {shown(url)}, the declared database of {environment.name}.",
            "A copy has a database of its own.",
        )
    return DatabaseAddress(url, declared.password_file if declared is not None else None)


def handed(address: DatabaseAddress | None, environ: Mapping[str, str]) -> DatabaseAddress | None:
    """The address with the password's file as a service manager handed it to this process, where it did."""
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if address is None or not directory:
        return address
    file = Path(directory) / PASSWORD_CREDENTIAL
    return replace(address, password_file=str(file)) if file.is_file() else address
