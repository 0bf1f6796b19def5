"""Where the server notes what a signed webhook asks for: a directory that a unit of another user looks into.

The server itself brings nothing anywhere: it may not, and need not be trusted to.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from homeport.contract.pushes import LARGEST_REQUEST, REQUEST_SUFFIX, BranchRequest
from homeport.errors import ConflictError, UnavailableError
from homeport.files import write_atomically
from homeport.secret import Secret
from homeport.transports.forges import Delivery, Pushed

MOST_WAITING: Final = 100
"""Requests that wait to be picked up; more are refused, since nobody seems to come for them."""
REMEMBERED: Final = 10_000
"""Deliveries that are known again."""
KNOWN: Final = "known"
"""The file with them: one hash a line, the newest last."""
_LARGEST_SECRET: Final = 4096


class RequestDirectory:
    """The directory, and the file with the secret.

    Args:
        directory: absolute.
        secret_file: absolute.
        now: the clock.
    """

    def __init__(
        self, directory: Path, secret_file: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._directory = directory
        self._secret_file = secret_file
        self._now = now

    def secret(self) -> Secret:
        """Read each time, so that a new one holds at once."""
        try:
            with self._secret_file.open("rb") as stream:
                mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
                text = stream.read(_LARGEST_SECRET).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UnavailableError(f"The secret of webhooks cannot be read: {_words(error)}.") from None
        if mode & 0o077:
            raise UnavailableError(f"The secret of webhooks may be read by others: chmod go= {self._secret_file}.")
        if len(text) < 16:
            raise UnavailableError("The secret of webhooks is shorter than 16 characters, and could be guessed.")
        return Secret(text)

    def put(self, delivery: Delivery, digest: str, pushed: Pushed) -> str:
        """See :class:`homeport.transports.pushes.Requests`."""
        names = [_hash(f"body:{digest}"), *([_hash(f"{delivery.forge}:{delivery.id}")] if delivery.id else [])]
        request: BranchRequest = {
            "branch": pushed.branch,
            "commit": pushed.commit,
            "forge": delivery.forge,
            "at": self._now().isoformat(timespec="seconds"),
        }
        try:
            with self._locked() as known:
                if any(name in known for name in names):
                    raise ConflictError("This webhook was taken before.", "Push again for another one.")
                if len(list(self._directory.glob(f"*{REQUEST_SUFFIX}"))) >= MOST_WAITING:
                    raise UnavailableError(
                        f"{MOST_WAITING} requests wait already.", "homeport requests ENV is what picks them up."
                    )
                # Remembered first: what is not noted after all comes with the next poll or push.
                self._remember([*known, *names])
                text = json.dumps(request)
                if len(text) > LARGEST_REQUEST:
                    raise UnavailableError("The request is too long.")
                write_atomically(self._directory / f"{names[0]}{REQUEST_SUFFIX}", text, mode=0o600)
        except OSError as error:
            raise UnavailableError(f"The request cannot be written: {_words(error)}.") from None
        return names[0]

    @contextmanager
    def _locked(self) -> Iterator[list[str]]:
        """What was taken before, held for as long as the block runs: two servers may hand over just now."""
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            file = self._directory / KNOWN
            yield file.read_text(encoding="ascii", errors="replace").split() if file.exists() else []
        finally:
            os.close(descriptor)

    def _remember(self, names: list[str]) -> None:
        write_atomically(self._directory / KNOWN, "\n".join(names[-REMEMBERED:]) + "\n", mode=0o600)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _words(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is no text"
