"""Reads and replaces the files of clients; what they should hold is decided elsewhere."""

from __future__ import annotations

import os
import stat
import sys
import time
from pathlib import Path

from homeport.errors import HomeportError
from homeport.files import write_atomically

PRIVATE = 0o600


def read_client_file(file: Path) -> str:
    """The text of a file, empty where there is none.

    Raises:
        HomeportError: it is there and cannot be read.
    """
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise HomeportError(f"{file}, line {line}: not UTF-8 text. It was left as it is.") from None
    except OSError as error:
        raise HomeportError(f"{file} cannot be read: {error.strerror}.") from None


def replace_client_file(file: Path, old: str, new: str, *, private: bool) -> Path | None:
    """Puts a new text in place of an old one.

    Args:
        file: a symbolic link is followed, so that it stays one.
        old: what it must still hold, empty where there was no file.
        new: the text.
        private: whether only its owner may read it from now on.

    Returns:
        The backup of what was there, if something was.

    Raises:
        HomeportError: somebody changed the file meanwhile, or it cannot be written; it is as it was.
    """
    real = Path(os.path.realpath(file))
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        if read_client_file(real) != old:
            raise HomeportError(f"{file} has just been changed by somebody else.", "Try again.")
        backup = None
        mode = PRIVATE if private else 0o644
        if real.exists():
            mode = PRIVATE if private else stat.S_IMODE(real.stat().st_mode)
            backup = _free_name(real)
            # What a person had in the file is for that person, whatever the file's own mode was.
            write_atomically(backup, old, mode=PRIVATE)
        write_atomically(real, new, mode=mode)
    except OSError as error:
        raise HomeportError(f"{file} cannot be written: {error.strerror}. It is as it was.") from None
    return backup


def own_command() -> list[str]:
    """The program that runs now, so that another one finds it whatever its PATH is."""
    script = Path(sys.executable).with_name("homeport")
    if script.exists():
        return [str(script)]
    return [sys.executable, "-m", "homeport"]


def _free_name(file: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name = file.with_name(f"{file.name}.before-homeport-{stamp}")
    number = 1
    while name.exists():
        number += 1
        name = file.with_name(f"{file.name}.before-homeport-{stamp}-{number}")
    return name
