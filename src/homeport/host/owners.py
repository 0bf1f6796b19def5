"""Owners of files, by name."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from homeport.environments.steps import Ownership
from homeport.errors import HomeportError


def owner_of(path: Path) -> Ownership:
    """Who owns what is at a path; a number in place of a name that is gone."""
    found = path.stat(follow_symlinks=False)
    return Ownership(_user(found.st_uid), _group(found.st_gid))


def set_owner(path: Path, owner: Ownership | None) -> None:
    """Gives a path an owner; None leaves it, and so does one that it has already.

    Raises:
        HomeportError: there is no such user or group.
        OSError: this user may not.
    """
    if owner is None or owner_of(path) == owner:
        return
    os.chown(path, _user_number(owner.user), _group_number(owner.group), follow_symlinks=False)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _user_number(name: str) -> int:
    try:
        return int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid
    except KeyError:
        raise HomeportError(f"There is no user {name} on this machine.") from None


def _group_number(name: str) -> int:
    try:
        return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise HomeportError(f"There is no group {name} on this machine.") from None
