"""The one way a file is written: to a temporary name beside it, to the disk, and then renamed.

Both halves use it. A reader sees the old file or the new one, also after a power cut.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

_TEMPORARY: Final = ".tmp"


def write_atomically(
    path: Path, content: str | bytes, *, mode: int = 0o644, prepare: Callable[[Path], None] | None = None
) -> None:
    """Replaces ``path`` by a file with this content, or leaves what is there.

    Args:
        path: where; its directory must exist.
        content: text is written as UTF-8.
        mode: permissions of the new file, whatever the umask.
        prepare: called with the whole file before it gets its name.

    Raises:
        OSError: nothing was changed, and the temporary file is gone.
    """
    data = content.encode() if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_TEMPORARY, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        if prepare is not None:
            prepare(Path(temporary))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def is_temporary(name: str, written: str) -> bool:
    """Whether ``name`` is what a :func:`write_atomically` of the file ``written`` leaves behind when it is killed."""
    return name.startswith(f".{written}.") and name.endswith(_TEMPORARY)


def sync_directory(directory: Path) -> None:
    """Makes names that were created, renamed or removed in ``directory`` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
