"""Writing: an export's files into a directory that is new or empty, all of them or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from homeport.errors import HomeportError, UsageError
from homeport.files import sync_directory


def write_directory(files: Iterable[tuple[str, bytes]], target: Path) -> None:
    """Writes files below ``target``: beside it first, to the disk, and then in one rename to its name.

    Private messages are among them, so only the user may enter a directory that is made here.

    Args:
        files: paths relative to the target, with ``/``, and their contents.
        target: a directory that is empty or does not exist; its parent must exist.

    Raises:
        UsageError: the target is not empty or no directory, or its parent is missing.
        HomeportError: it could not be written; nothing of it is left.
    """
    target = Path(os.path.realpath(target))
    check_target(target)
    try:
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    except OSError as error:
        raise _failed(target, error) from None
    try:
        for path, content in files:
            _write(scratch, path, content)
        for directory, _, _ in os.walk(scratch):
            sync_directory(Path(directory))
        if target.exists():
            scratch.chmod(target.stat().st_mode)
        # Replaces an empty directory; one that was filled meanwhile is refused by the kernel.
        scratch.rename(target)
        sync_directory(target.parent)
    except OSError as error:
        raise _failed(target, error) from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def check_target(target: Path) -> None:
    """Refuses a target that cannot take an export.

    Raises:
        UsageError: it is not empty or no directory, or its parent is missing.
    """
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent} does not exist.", "Make it, or export to another place.")
    if not target.exists():
        return
    if not target.is_dir():
        raise UsageError(f"{target} is not a directory.", "Name a directory that is new or empty.")
    if any(target.iterdir()):
        raise UsageError(f"{target} is not empty.", "Name a directory that is new or empty: nothing is overwritten.")


def _write(scratch: Path, path: str, content: bytes) -> None:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or any(part in ("..", ".") or "\0" in part for part in parts):
        raise UsageError(f"{path!r} would lie outside the directory.", "Nothing was written.")
    file = scratch.joinpath(*parts)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _failed(target: Path, error: OSError) -> HomeportError:
    return HomeportError(
        f"The export to {target} failed: {error.strerror or error}.", "Nothing of it is left; mend that and try again."
    )
