"""Whose turn it is, where one server hands over to the next: three locks in the data directory, held by the kernel.

``server.lock`` is shared by servers that were started to hand over, so that nobody else opens the data. Of these, one
accepts on the declared ports, one may stand by, and one runs errands (webhooks, upkeep). A server that ends gives the
first up as soon as it accepts no more, and the last when its errands are done; one that dies loses all of them.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from homeport.contract import ACCEPTING_FILE, ERRANDS_FILE, HOLD_FILE, STANDBY_FILE, may_open
from homeport.errors import CannotStartError

POLL: Final = 0.02
"""Seconds between two looks whether a turn has come; for so long connections wait in the kernel's queue."""
_LOOKS: Final = 500
"""Looks at a hold between two requests for patience: ten seconds."""


class Turn:
    """A lock that one process has at a time.

    Args:
        path: of its file, which is made where it is missing and never removed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def is_mine(self) -> bool:
        """Whether this process has it."""
        return self._descriptor is not None

    def take(self) -> bool:
        """Takes it if it is free; whether it is ours now."""
        if self._descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    async def wait(self) -> None:
        """Waits for it."""
        # The kernel tells nobody but a thread that blocks, which could not be ended again.
        while not self.take():  # noqa: ASYNC110
            await asyncio.sleep(POLL)

    def release(self) -> None:
        """Gives it up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def wait_while_held(
    data_directory: Path, release: str | None, ask_patience: Callable[[], object], pause: Callable[[float], None]
) -> None:
    """Waits while somebody holds the data, to change them while no server has them open.

    Args:
        data_directory: whose hold it is.
        release: of this server.
        ask_patience: called once in a while, so that the service manager does not give up.
        pause: waits for so many seconds.

    Raises:
        CannotStartError: whoever held them was killed, and they are not for this release.
    """
    try:
        descriptor = os.open(data_directory / HOLD_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        for look in count():
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                if look % _LOOKS == 0:
                    ask_patience()
                pause(POLL)
            else:
                break
        if not may_open(os.pread(descriptor, 4096, 0).decode(errors="replace"), release):
            raise CannotStartError(
                f"A change of {data_directory} was broken off, and the data are not for {release or 'this program'}.",
                "homeport restart ENV goes back to the release that they are for.",
                data_directory=str(data_directory),
            )
    finally:
        os.close(descriptor)


class Turns:
    """The three of a data directory."""

    def __init__(self, data_directory: Path) -> None:
        self._directory = data_directory
        self.accepting = Turn(data_directory / ACCEPTING_FILE)
        self.standby = Turn(data_directory / STANDBY_FILE)
        self.errands = Turn(data_directory / ERRANDS_FILE)

    def begin(self) -> None:
        """Accepts if nobody does, or else stands by.

        Raises:
            CannotStartError: another one stands by already.
        """
        if not self.accepting.take() and not self.standby.take():
            raise CannotStartError(
                f"One server accepts for {self._directory} and another one stands by.",
                "Stop one of them: a third would never have its turn.",
                data_directory=str(self._directory),
            )

    async def accept(self) -> None:
        """Waits until it is our turn to accept."""
        await self.accepting.wait()
        self.standby.release()

    def release(self) -> None:
        """Gives all of them up."""
        for one in (self.accepting, self.standby, self.errands):
            one.release()
