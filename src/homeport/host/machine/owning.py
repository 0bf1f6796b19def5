"""System users, and whose the data are."""

from __future__ import annotations

import os
import pwd
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from homeport.environments.machine.steps import GiveTree, MakeUser, RemoveUser
from homeport.environments.machine.wanted import ROOT
from homeport.environments.steps import Ownership, Step
from homeport.host.commands import demand_command
from homeport.host.hands import Hands
from homeport.host.owners import has_other_names, owner_of, set_owner


def has_user(name: str) -> bool:
    """Whether there is such a user."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


class UserMaker:
    """:class:`MakeUser`."""

    def inverse(self, step: MakeUser) -> tuple[Step, ...]:
        return () if has_user(step.user) else (RemoveUser(step.user, step.places),)

    def apply(self, step: MakeUser) -> None:
        if has_user(step.user):
            return
        shell = next((one for one in ("/usr/sbin/nologin", "/sbin/nologin") if Path(one).exists()), "/bin/false")
        options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", shell]
        demand_command(["useradd", *options, step.user])


class UserRemover:
    """:class:`RemoveUser`."""

    def inverse(self, step: RemoveUser) -> tuple[Step, ...]:
        return (MakeUser(step.user, step.places),) if has_user(step.user) else ()

    def apply(self, step: RemoveUser) -> None:
        if not has_user(step.user):
            return
        for place in step.places:
            _disown(Path(place), step.user)
        demand_command(["userdel", step.user])


class TreeGiver:
    """:class:`GiveTree`. Taking it back gives each entry to whom it belonged."""

    def inverse(self, step: GiveTree) -> tuple[Step, ...]:
        root = Path(step.path)
        owners: dict[Ownership, list[str]] = defaultdict(list)
        for path in _entries(step):
            owner = _owner(path)
            if owner not in (None, step.owner):
                owners[owner].append(str(path.relative_to(root)))
        return tuple(GiveTree(step.path, owner, tuple(paths)) for owner, paths in owners.items())

    def apply(self, step: GiveTree) -> None:
        for path in _entries(step):
            try:
                if not has_other_names(path):
                    set_owner(path, step.owner)
            except FileNotFoundError:
                continue  # A file of the moment, gone since it was listed.


def count_strangers(directory: Path, owner: Ownership) -> int:
    """How many entries of a directory, itself included, are another's."""
    return sum(1 for path in _walk(directory) if _owner(path) not in (None, owner))


def give_back(directory: Path, user: str) -> None:
    """Gives what a user has in a directory to the directory's own owner; nothing where it is that user's."""
    owner = _owner(directory)
    if owner is None or owner.user == user:
        return
    for path in _walk(directory):
        found = _owner(path)
        if found is not None and found.user == user:
            set_owner(path, owner)


def _disown(directory: Path, user: str) -> None:
    """Leaves a user nothing in a directory."""
    owner = _owner(directory) if directory.is_dir() else None
    if owner is None:
        return
    if owner.user == user:
        set_owner(directory, ROOT)
    give_back(directory, user)


def _entries(step: GiveTree) -> Iterator[Path]:
    root = Path(step.path)
    if not step.only:
        yield from _walk(root)
        return
    for name in step.only:
        path = root / name
        if os.path.lexists(path):
            yield path


def _walk(root: Path) -> Iterator[Path]:
    yield root
    for directory, directories, files in os.walk(root, followlinks=False):
        for name in (*directories, *files):
            yield Path(directory) / name


def _owner(path: Path) -> Ownership | None:
    """None where it is gone by now, or has other names: such a file is given to nobody."""
    try:
        return None if has_other_names(path) else owner_of(path)
    except FileNotFoundError:
        return None


OWNING_HANDS: Final[Hands] = {MakeUser: UserMaker(), RemoveUser: UserRemover(), GiveTree: TreeGiver()}
