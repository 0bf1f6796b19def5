"""Which path inside a backup may become a file below a directory."""

from __future__ import annotations

from typing import Final

LONGEST_PART: Final = 255
"""Bytes of one name; what Linux' file systems take."""
LONGEST_PATH: Final = 3_000
"""Bytes of a whole path; PATH_MAX is 4,096, and the directory it is restored below needs some."""


def path_bytes(path: str) -> bytes:
    """A path as the disk has it. Names that are not UTF-8 come as surrogates, as ``os.fsdecode`` gives them."""
    return path.encode("utf-8", "surrogateescape")


def why_unsafe(path: str) -> str | None:
    """What is wrong with a relative path that comes from outside; None where it stays below where it is put.

    Spaces, newlines and bytes that are no text are odd but safe: backups hold what the directory held.
    """
    try:
        raw = path_bytes(path)
    except UnicodeEncodeError:
        return "is not a name that a file can have"
    parts = raw.split(b"/")
    faults = {
        "is empty": not raw,
        "holds a zero byte": b"\0" in raw,
        "is absolute": raw.startswith(b"/"),
        "leads out of the directory": b".." in parts,
        "is not in its plain form": b"" in parts or b"." in parts,
        "is too long": len(raw) > LONGEST_PATH or max(map(len, parts)) > LONGEST_PART,
    }
    return next((text for text, holds in faults.items() if holds), None)


def parent_of(path: str) -> str:
    """The directory that a path lies in; empty for the top."""
    return path.rpartition("/")[0]


def order_key(path: str) -> tuple[bytes, ...]:
    """The order of entries in an archive: a directory before what is in it, the same on every machine."""
    return tuple(path_bytes(path).split(b"/"))
