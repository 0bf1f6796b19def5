"""Copies one file so that a change under the copy is noticed, and copies it again until it stood still."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from homeport.errors import HomeportError

_CHUNK: Final = 1 << 20
_LARGEST_JSON: Final = 64 * 1024 * 1024
"""Bytes; a larger file is copied without being looked into, to spare the memory."""
_SETTLED: Final = 1.0
"""Seconds after which a file that is no JSON is taken as it is: nobody is in the middle of writing it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a file is waited for, and how."""

    seconds: float = 30.0
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Copied:
    """One file, whole."""

    size: int
    mtime_ns: int
    listed: int | None
    """How many things a JSON document lists at its top: the items of a list, the keys of an object."""
    broken: bool
    """Whether it should be JSON and is not, though nobody writes it."""


class _ChangedError(Exception):
    """The file was not still."""


def copy_still(source: Path, target: Path, patience: Patience, *, as_json: bool) -> Copied:
    """Copies a file as it was at one moment.

    A file that is replaced by another of its name is copied as one of the two. One that only grows is copied up to
    where it was when its copy began.

    Args:
        source: a regular file; a link is not followed.
        target: is replaced.
        patience: how long to try.
        as_json: the copy must be valid JSON, else the file is taken to be half written for a while.

    Raises:
        FileNotFoundError: it is gone, or something that is no file has its name.
        HomeportError: it never stood still, or it cannot be read or written; it is named.
    """
    end = patience.clock() + patience.seconds
    wait = 0.001
    while True:
        try:
            return _copy_once(source, target, as_json=as_json)
        except _ChangedError:
            if patience.clock() >= end:
                raise HomeportError(
                    f"{str(source)!r} is written without a pause: no whole copy in {patience.seconds:g} seconds.",
                    "Stop the program that writes it for as long as the backup takes.",
                ) from None
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise FileNotFoundError(errno.ENOENT, "is a link now", str(source)) from None
            raise HomeportError(f"{str(source)!r} cannot be copied: {error.strerror}.") from None
        patience.pause(wait)
        wait = min(wait * 2, 0.05)


def _copy_once(source: Path, target: Path, *, as_json: bool) -> Copied:
    # O_NONBLOCK: should it have become a fifo meanwhile, nobody waits for its writer.
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "is no file any more", str(source))
    with FileIO(descriptor, "rb") as stream:
        _past(before.st_mtime_ns)
        digest = _copy_bytes(stream, target, before)
        after = os.fstat(descriptor)
        if not _is_same(before, after) and not _only_grew(stream, before, after, digest):
            raise _ChangedError
    if not as_json or before.st_size > _LARGEST_JSON:
        return Copied(before.st_size, before.st_mtime_ns, None, broken=False)
    try:
        found = json.loads(target.read_bytes())
    except (ValueError, RecursionError):
        if time.time() - before.st_mtime < _SETTLED:
            raise _ChangedError from None
        return Copied(before.st_size, before.st_mtime_ns, None, broken=True)
    listed = len(found) if isinstance(found, list | dict) else None
    return Copied(before.st_size, before.st_mtime_ns, listed, broken=False)


def _past(mtime_ns: int) -> None:
    """Waits, some milliseconds at most, until the next write of the file would get another time than the last one.

    The kernel's clock for files moves in steps; two writes within one step look like one.
    """
    coarse = getattr(time, "CLOCK_REALTIME_COARSE", time.CLOCK_REALTIME)
    for _ in range(20):
        if time.clock_gettime_ns(coarse) != mtime_ns:
            return
        time.sleep(0.001)


def _copy_bytes(stream: FileIO, target: Path, before: os.stat_result) -> bytes:
    """Copies as many bytes as there were; answers their hash."""
    digest, left = hashlib.sha256(), before.st_size
    with target.open("wb") as out:
        while left:
            chunk = stream.read(min(_CHUNK, left))
            if not chunk:
                raise _ChangedError
            left -= len(chunk)
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fchmod(out.fileno(), stat.S_IMODE(before.st_mode) & 0o777)
        os.utime(out.fileno(), ns=(before.st_mtime_ns, before.st_mtime_ns))
    return digest.digest()


def _is_same(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether nobody wrote. The inode's own time tells it too, but it also changes when another file takes the name."""
    lost_its_name = after.st_nlink < before.st_nlink
    return (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns) and (
        lost_its_name or before.st_ctime_ns == after.st_ctime_ns
    )


def _only_grew(stream: FileIO, before: os.stat_result, after: os.stat_result, digest: bytes) -> bool:
    """Whether what was copied is still what the file begins with, as of a log."""
    if after.st_size <= before.st_size:
        return False
    stream.seek(0)
    again, left = hashlib.sha256(), before.st_size
    while left:
        chunk = stream.read(min(_CHUNK, left))
        if not chunk:
            return False
        left -= len(chunk)
        again.update(chunk)
    return again.digest() == digest
