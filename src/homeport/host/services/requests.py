"""Reads what the server noted of signed webhooks. Another user wrote it, and is believed no more than a stranger."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homeport.contract.pushes import BRANCH_NAME, COMMIT_NAME, LARGEST_REQUEST, REQUEST_SUFFIX

_NAME: Final = re.compile(rf"[0-9a-f]{{32}}{re.escape(REQUEST_SUFFIX)}")
_BRANCH: Final = re.compile(BRANCH_NAME)
_COMMIT: Final = re.compile(COMMIT_NAME)
_MOST: Final = 1000
_READING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A link is not followed, and a pipe not waited for."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that waits.

    Attributes:
        file: its name in the directory.
        branch: that is asked for; empty where the file cannot be understood.
        commit: that was announced.
        problem: why it cannot be understood; empty where it can.
    """

    file: str
    branch: str = ""
    commit: str = ""
    problem: str = ""


class Requests:
    """The directory, held open: whatever its name leads to meanwhile, nothing outside is read or removed.

    Args:
        descriptor: of it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def waiting(self) -> list[Request]:
        """All that wait, the oldest first."""
        found = os.listdir(self._descriptor)  # noqa: PTH208 - pathlib goes by names, and this is held open
        names = [name for name in found if name.endswith(REQUEST_SUFFIX)][:_MOST]
        return [self._read(name) for name in sorted(names, key=self._age)]

    def remove(self, request: Request) -> None:
        """It was dealt with."""
        with suppress(OSError):
            os.unlink(request.file, dir_fd=self._descriptor)

    def _age(self, name: str) -> int:
        try:
            return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False).st_mtime_ns
        except OSError:
            return 0

    def _read(self, name: str) -> Request:
        try:
            descriptor = os.open(
                name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._descriptor
            )
        except OSError as error:
            return Request(name, problem=error.strerror or "it cannot be read")
        with os.fdopen(descriptor, "rb") as stream:
            found = os.fstat(stream.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_REQUEST:
                return Request(name, problem="it is no file of a request's size")
            content = stream.read(LARGEST_REQUEST)
        return _understood(name, content)


def _understood(name: str, content: bytes) -> Request:
    try:
        found = json.loads(content)
        branch, commit = found["branch"], found["commit"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Request(name, problem="it is no request")
    texts = isinstance(branch, str) and isinstance(commit, str)
    if not texts or not _NAME.fullmatch(name) or not _BRANCH.fullmatch(branch) or not _COMMIT.fullmatch(commit):
        return Request(name, problem="it names no branch and commit")
    return Request(name, branch, commit)


@contextmanager
def open_requests(directory: Path) -> Iterator[Requests]:
    """The directory while the block runs.

    Raises:
        OSError: it is missing, or a link.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield Requests(descriptor)
    finally:
        os.close(descriptor)
