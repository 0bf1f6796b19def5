"""Finds and reads ``homeport.toml``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from homeport.environments.declaration import FILE_NAME, Declaration, Ports, parse_declaration
from homeport.environments.faults import DeclarationError, Fault
from homeport.environments.sharing import find_sharing, follow_links
from homeport.errors import UsageError

_NEXT = "homeport init writes one with the three usual environments; homeport up also runs it."


def find_file(start: Path) -> Path | None:
    """The declaration in ``start`` or the nearest directory above it, as git finds its repository."""
    for directory in (start, *start.parents):
        if (directory / FILE_NAME).is_file():
            return directory / FILE_NAME
    return None


def read_declaration(file: Path, ports: Mapping[str, Ports] | None = None) -> Declaration:
    """Reads a declaration and judges it, also after following symbolic links.

    Args:
        file: the file, or a directory that it is in.
        ports: from the command line, by environment.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        DeclarationError: with every fault.
    """
    file = Path(os.path.abspath(file / FILE_NAME if file.is_dir() else file))  # noqa: PTH100 - keeps links
    declaration = parse_declaration(_text(file), PurePosixPath(file), ports)
    if not Path(declaration.root).is_dir():
        raise DeclarationError(str(file), [Fault("root", f"{declaration.root} is not a directory that exists")])
    joined = find_sharing(follow_links(declaration.claims(), _real))
    if joined:
        raise DeclarationError(str(file), [Fault(fault.path, f"{fault.text}, by a symbolic link") for fault in joined])
    return declaration


def _text(file: Path) -> str:
    try:
        # A byte order mark is what some editors put there, and no fault of the person's.
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"There is no {file}.", _NEXT) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8 text: {error.reason} at byte {error.start}.") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None


def _real(path: PurePosixPath) -> PurePosixPath:
    return PurePosixPath(os.path.realpath(path))


def no_file(start: Path) -> UsageError:
    """What to say where :func:`find_file` found nothing."""
    return UsageError(f"There is no {FILE_NAME} in {start} or above it.", _NEXT)
