"""Directories of an operation's own, and the exchange of data directories, as steps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from homeport.datalock import find_holder
from homeport.environments.backups.data_steps import DemandUnused, Discard, KeepServed, Scratch, Settle
from homeport.environments.steps import Rename, Step
from homeport.errors import GuardError, HomeportError
from homeport.files import sync_directory
from homeport.host.archives.tree import remove_tree
from homeport.host.hands import Hands
from homeport.host.owners import owner_of, set_owner


class ScratchMaker:
    """:class:`Scratch`."""

    def inverse(self, step: Scratch) -> tuple[Step, ...]:
        if os.path.lexists(step.path):
            raise HomeportError(f"{step.path} is in the way.", "Move it away, then try again.")
        return (Discard(step.path),)

    def apply(self, step: Scratch) -> None:
        path = Path(step.path)
        path.mkdir(mode=0o700)
        sync_directory(path.parent)


class Discarder:
    """:class:`Discard`."""

    def inverse(self, step: Discard) -> tuple[Step, ...]:
        return ()

    def apply(self, step: Discard) -> None:
        path = Path(step.path)
        if path.is_symlink() or path.is_file():
            raise HomeportError(f"{path} is no directory, so it was not removed.")
        if path.exists():
            remove_tree(path)
            sync_directory(path.parent)


class Settler:
    """:class:`Settle`."""

    def inverse(self, step: Settle) -> tuple[Step, ...]:
        # What is settled lies in a directory that is taken back as a whole.
        return ()

    def apply(self, step: Settle) -> None:
        top = Path(step.path)
        if owner_of(top) != step.owner:
            for directory, names, files in os.walk(top):
                for name in (*names, *files):
                    set_owner(Path(directory) / name, step.owner)
        set_owner(top, step.owner)
        top.chmod(step.mode)
        sync_directory(top)


class UnusedDemander:
    """:class:`DemandUnused`."""

    def inverse(self, step: DemandUnused) -> tuple[Step, ...]:
        return ()

    def apply(self, step: DemandUnused) -> None:
        path = Path(step.path)
        holder = find_holder(path) if path.is_dir() else None
        if holder is not None:
            raise GuardError(
                f"{path} is in use by {holder}.", f"Stop it first: the data of {step.environment} are to be exchanged."
            )


class ServedKeeper:
    """:class:`KeepServed`."""

    def inverse(self, step: KeepServed) -> tuple[Step, ...]:
        return (Rename(step.source, step.target),)

    def apply(self, step: KeepServed) -> None:
        return None


SCRATCH_HANDS: Final[Hands] = {
    Scratch: ScratchMaker(),
    Discard: Discarder(),
    Settle: Settler(),
    DemandUnused: UnusedDemander(),
    KeepServed: ServedKeeper(),
}
