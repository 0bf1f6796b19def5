"""Where an environment's data are in a PostgreSQL database: its address, from what was declared."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Final

from homeport.contract import DatabaseAddress
from homeport.database_url import parse_database_url
from homeport.environments.paths import absolute
from homeport.environments.settings import EnvironmentSettings

PASSWORD_CREDENTIAL: Final = "database-password"  # noqa: S105 - what systemd calls the file
"""The name under which systemd hands the password to a server, whose user cannot read the file itself."""


def make_database(settings: EnvironmentSettings, root: PurePosixPath) -> DatabaseAddress | None:
    """The declared address; None where the data are in a file of the data directory."""
    if not settings.database:
        return None
    file = settings.database_password_file
    return DatabaseAddress(settings.database, str(absolute(root, file)) if file else None)


def database_place(address: DatabaseAddress) -> str:
    """What no two environments may have, however they write it."""
    return parse_database_url(address.url).place


def credentials_of(address: DatabaseAddress | None) -> tuple[tuple[str, PurePosixPath], ...]:
    """What systemd must hand to a server so that it can log in: names and files."""
    if address is None or address.password_file is None:
        return ()
    return ((PASSWORD_CREDENTIAL, PurePosixPath(address.password_file)),)


def find_database_faults(settings: EnvironmentSettings, wrong: Collection[str] = ()) -> list[tuple[str, str]]:
    """Settings of a database that do not go together, each with a sentence.

    Args:
        settings: without those that are wrong by themselves.
        wrong: the names of these.
    """
    faults: list[tuple[str, str]] = []
    if "database" in wrong:
        return faults
    if settings.database and settings.command:
        faults.append(("database", "is for Homeport's own server; another one has its own configuration"))
    if settings.database and settings.backup.continuous:
        text = "is for a database file; PostgreSQL archives its own log (docs/postgresql.md)"
        faults.append(("backup.continuous", text))
    if settings.database_password_file and not settings.database:
        faults.append(("database_password_file", "is the password of a database; none is declared"))
    if settings.database_password_file and any(
        one.startswith(f"{PASSWORD_CREDENTIAL}:") for one in settings.unit_credentials
    ):
        faults.append(
            ("unit_credentials", f"has {PASSWORD_CREDENTIAL}, which database_password_file is handed over as")
        )
    return faults
