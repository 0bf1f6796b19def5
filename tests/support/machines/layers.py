"""A cache of directories that take long to build: one for each key, built once, whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT: Final = 6  # of each name, besides those in use; several checkouts share the cache


def key_of(*parts: str | bytes) -> str:
    """A short name for these contents."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


class Layers:
    """The layers in one directory. What :meth:`get` returned stays there until :meth:`release`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: list[IO[str]] = []
        directory.mkdir(parents=True, exist_ok=True)

    def get(self, name: str, key: str, build: Callable[[Path], Path]) -> Path:
        """A layer's directory.

        Args:
            build: makes it if it is not there, inside the empty directory that it is given, and returns where.
        """
        layer = self._directory / f"{name}-{key}"
        lock = self._lock(layer)
        self._held.append(lock)
        while True:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if layer.is_dir():
                os.utime(layer)
                return layer
            # To wait for the exclusive lock is to wait for another's build; which of the two it is, is seen below.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not layer.is_dir():
                with _emptied(layer.with_name(f"{layer.name}.part")) as part:
                    build(part).rename(layer)
                self._prune(name, keep=layer)

    def release(self) -> None:
        """Lets go of all of them."""
        for lock in self._held:
            lock.close()
        self._held.clear()

    def _lock(self, layer: Path) -> IO[str]:
        return layer.with_name(f"{layer.name}.lock").open("a")

    def _prune(self, name: str, keep: Path) -> None:
        """Removes what was used longest ago. Lock files stay: removing one would let two hold 'the' lock."""
        layers = [path for path in self._directory.glob(f"{name}-*") if path.is_dir() and path.suffix != ".part"]
        for layer in sorted(layers, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
            with self._lock(layer) as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                if layer != keep:
                    shutil.rmtree(layer)


@contextmanager
def _emptied(part: Path) -> Iterator[Path]:
    """A directory to build in, without what a build that was killed left there."""
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
