"""Directories, files and links: made, replaced, renamed and removed so that each is there whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path, PurePosixPath
from typing import Final

from homeport.environments.steps import (
    Link,
    MakeDirectory,
    Ownership,
    Permit,
    RemoveDirectory,
    RemoveFile,
    RemoveTree,
    Rename,
    Step,
    WriteFile,
)
from homeport.errors import HomeportError
from homeport.files import sync_directory, write_atomically
from homeport.host.hands import Hands
from homeport.host.owners import owner_of, set_owner

LONGEST_TEXT: Final = 1 << 20
"""Bytes of a file that is kept in the journal while it is replaced: units and configuration, never data."""


class DirectoryMaker:
    """:class:`MakeDirectory`."""

    def inverse(self, step: MakeDirectory) -> tuple[Step, ...]:
        missing = [path for path in (step.path, *step.path.parents) if not Path(path).exists()]
        return tuple(RemoveDirectory(path) for path in missing)

    def apply(self, step: MakeDirectory) -> None:
        path = Path(step.path)
        if path.is_dir():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # It gets its name last, so that a directory that stands has its mode and owner.
        made = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            made.chmod(step.mode)
            set_owner(made, step.owner)
            made.rename(path)
        except BaseException:
            made.rmdir()
            raise
        sync_directory(path.parent)


class DirectoryRemover:
    """:class:`RemoveDirectory`."""

    def inverse(self, step: RemoveDirectory) -> tuple[Step, ...]:
        path = Path(step.path)
        if not path.is_dir():
            return ()
        return (MakeDirectory(step.path, stat.S_IMODE(path.stat().st_mode), owner_of(path)),)

    def apply(self, step: RemoveDirectory) -> None:
        try:
            Path(step.path).rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return
        sync_directory(Path(step.path.parent))


class FileWriter:
    """:class:`WriteFile`."""

    def inverse(self, step: WriteFile) -> tuple[Step, ...]:
        return _as_it_is(step.path)

    def apply(self, step: WriteFile) -> None:
        # The owner is set before the name is there, so that nobody sees it with another's.
        path = Path(step.path)
        write_atomically(path, step.text, mode=step.mode, prepare=lambda new: set_owner(new, step.owner))


class FileRemover:
    """:class:`RemoveFile`."""

    def inverse(self, step: RemoveFile) -> tuple[Step, ...]:
        return () if not os.path.lexists(step.path) else _as_it_is(step.path)

    def apply(self, step: RemoveFile) -> None:
        if os.path.lexists(step.path):
            Path(step.path).unlink()
            sync_directory(Path(step.path.parent))


class Linker:
    """:class:`Link`."""

    def inverse(self, step: Link) -> tuple[Step, ...]:
        return _as_it_is(step.path)

    def apply(self, step: Link) -> None:
        path = Path(step.path)
        if path.is_symlink() and path.readlink() == Path(step.target):
            return
        # A link cannot be replaced in place: a new one under another name is renamed over it.
        place = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            (place / "link").symlink_to(step.target)
            (place / "link").replace(path)
        finally:
            shutil.rmtree(place)
        sync_directory(path.parent)


class Renamer:
    """:class:`Rename`."""

    def inverse(self, step: Rename) -> tuple[Step, ...]:
        if not os.path.lexists(step.source):
            raise HomeportError(f"There is no {step.source} to rename to {step.target}.")
        return (Rename(step.target, step.source),)

    def apply(self, step: Rename) -> None:
        source, target = Path(step.source), Path(step.target)
        if os.path.lexists(target):
            if not os.path.lexists(source):
                return
            raise HomeportError(f"{target} is in the way: {source} was to be renamed to it.", "Move one of them away.")
        if not os.path.lexists(source):
            # Taking back a step that never happened finds this.
            return
        source.rename(target)
        sync_directory(target.parent)
        if source.parent != target.parent:
            sync_directory(source.parent)


class TreeRemover:
    """:class:`RemoveTree`."""

    def inverse(self, step: RemoveTree) -> tuple[Step, ...]:
        return ()

    def apply(self, step: RemoveTree) -> None:
        path = Path(step.path)
        if path.is_symlink() or path.is_file():
            raise HomeportError(f"{path} is no directory, so it was not removed.")
        if path.exists():
            shutil.rmtree(path)
            sync_directory(path.parent)


class Permitter:
    """:class:`Permit`."""

    def inverse(self, step: Permit) -> tuple[Step, ...]:
        path = Path(step.path)
        found = Permit(step.path, stat.S_IMODE(path.stat().st_mode), owner_of(path) if step.owner else None)
        return () if found == step else (found,)

    def apply(self, step: Permit) -> None:
        path = Path(step.path)
        set_owner(path, step.owner)
        path.chmod(step.mode)


FILE_HANDS: Final[Hands] = {
    MakeDirectory: DirectoryMaker(),
    RemoveDirectory: DirectoryRemover(),
    WriteFile: FileWriter(),
    RemoveFile: FileRemover(),
    Link: Linker(),
    Rename: Renamer(),
    RemoveTree: TreeRemover(),
    Permit: Permitter(),
}


def _as_it_is(path: PurePosixPath) -> tuple[Step, ...]:
    """The step that makes what stands at a path stand there again.

    Raises:
        HomeportError: it is neither a text nor a link.
    """
    real = Path(path)
    if real.is_symlink():
        return (Link(path, PurePosixPath(real.readlink())),)
    if not real.exists():
        return (RemoveFile(path),)
    found = real.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > LONGEST_TEXT:
        raise HomeportError(f"{path} is no configuration file that could be kept, so it was not replaced.")
    try:
        text = real.read_bytes().decode()
    except UnicodeDecodeError:
        raise HomeportError(f"{path} is not UTF-8 text, so it was not replaced.", "Move it away first.") from None
    owner: Ownership | None = owner_of(real)
    return (WriteFile(path, text, stat.S_IMODE(found.st_mode), owner),)
