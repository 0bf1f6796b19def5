"""The database that a command works with: the declared one, with a password that this process may read, or a copy's."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from homeport.contract import DatabaseAddress
from homeport.contract.database import ADDRESS_FILE, DUMP_FILE
from homeport.environments.database import PASSWORD_CREDENTIAL
from homeport.environments.environment import Environment
from homeport.errors import CannotStartError, UsageError
from homeport.identity import read_identity
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


def database_in(arguments: Namespace, directory: Path) -> DatabaseAddress | None:
    """The declared database of the environment whose data lie in a directory; None where they are in no database."""
    if not any((directory / file).exists() for file in (ADDRESS_FILE, DUMP_FILE)):
        return None
    # What only looks at a file of SQLite needs no declaration, and is quicker without.
    from homeport.cli.declared import declaration_file, declaration_of

    try:
        identity = read_identity(directory)
    except CannotStartError:
        return None
    if identity is None or declaration_file(arguments) is None:
        return None
    found = declaration_of(arguments).environments.get(identity["environment"])
    return None if found is None else handed(found.database, os.environ)
