"""Owners of files, by name."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from homeport.environments.steps import Ownership
from homeport.errors import HomeportError


def owner_of(path: Path) -> Ownership:
    """Who owns what is at a path; a number in place of a name that is gone."""
    found = path.stat(follow_symlinks=False)
    return Ownership(user_name(found.st_uid), group_name(found.st_gid))


def set_owner(path: Path, owner: Ownership | None) -> None:
    """Gives a path an owner; None leaves it, and so does one that it has already.

    Raises:
        HomeportError: there is no such user or group.
        OSError: this user may not.
    """
    if owner is None or owner_of(path) == owner:
        return
    os.chown(path, _user_number(owner.user), _group_number(owner.group), follow_symlinks=False)


@contextmanager
def kept_by_its_owner(directory: Path) -> Iterator[None]:
    """Where root works on what a server's user owns: what root made in there is that user's when the block ends.

    Else the server could not open it any more. For others than root, and for root's own directory, it does nothing.
    """
    try:
        yield
    finally:
        owner = owner_of(directory) if os.geteuid() == 0 and directory.is_dir() else None
        if owner is not None and owner.user != user_name(0):
            for path in directory.iterdir():
                # A journal of SQLite's may be gone by now.
                with suppress(FileNotFoundError):
                    if path.lstat().st_uid == 0 and not has_other_names(path):
                        set_owner(path, owner)


def has_other_names(path: Path) -> bool:
    """Whether a file stands elsewhere too: giving it away here would give away what is there."""
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_nlink > 1


def user_name(number: int) -> str:
    """A user's name, or the number where the name is gone."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group_name(number: int) -> str:
    """A group's name, or the number where the name is gone."""
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
