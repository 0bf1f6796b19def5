"""From the start of a server to the moment at which it is ready, as the service manager is told it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from homeport.contract.database import WAITING
from homeport.coordination.store import Store
from homeport.errors import CallError, UnavailableError
from homeport.server.manager import READY, Manager, extension, status
from homeport.transports.log import Log

T = TypeVar("T")

ASK_SECONDS: Final = 10.0
"""How often more time is asked for while the data are being opened."""
EXTRA_SECONDS: Final = 60.0
"""How much is asked for."""
LONGEST_SECONDS: Final = 3600.0
"""For opening the data, migrations included; after that the manager's own limit holds again."""
AGAIN_SECONDS: Final = 1.0
"""Between two proofs of a store that fails them."""


@asynccontextmanager
async def patience(manager: Manager, clock: Callable[[], float]) -> AsyncIterator[None]:
    """Keeps the manager from giving up while the block runs: a migration may take minutes.

    Args:
        manager: is asked.
        clock: seconds, only forwards.
    """
    asking = asyncio.create_task(_ask(manager, clock() + LONGEST_SECONDS, clock)) if manager.present else None
    try:
        yield
    finally:
        if asking is not None:
            asking.cancel()
            await asyncio.wait([asking])


async def _ask(manager: Manager, end: float, clock: Callable[[], float]) -> None:
    while clock() < end:
        manager.tell(extension(EXTRA_SECONDS), status("Opening the data"))
        await asyncio.sleep(ASK_SECONDS)


async def until_there(open_it: Callable[[], Awaitable[T]], manager: Manager, log: Log) -> T:
    """What opening the data gives, as soon as they can be reached: a database may come later than its servers.

    Args:
        open_it: opens them.
        manager: is told what is waited for.
        log: learns it too, once for each reason.

    Raises:
        CannotStartError: they can be reached and not opened, which no waiting mends.
    """
    told = ""
    while True:
        try:
            return await open_it()
        except UnavailableError as error:
            if str(error) != told:
                log.event("warning", "waiting for the data", reason=str(error))
                log.flush()
                told = str(error)
            manager.tell(status(f"{WAITING}{error}"))
        await asyncio.sleep(AGAIN_SECONDS)


async def announce(manager: Manager, store: Store, text: Callable[[], str], log: Log) -> None:
    """Says that the server is ready, as soon as a write is proved to last.

    Until then it serves what it can, and the manager, whose limit is not extended for this, does not take it for
    ready: a full disk makes a deploy fail and not the server that it was to replace.

    Args:
        manager: is told.
        store: what is proved.
        text: what ``systemctl status`` shows then.
        log: learns why it is not ready yet, once for each reason.
    """
    told = ""
    while (reason := await _fault(store, log)) is not None:
        if reason != told:
            log.event("warning", "not ready", reason=reason)
            told = reason
        manager.tell(status(f"Not ready: {reason}"))
        await asyncio.sleep(AGAIN_SECONDS)
    manager.tell(READY, status(text()))


async def _fault(store: Store, log: Log) -> str | None:
    """Why the store cannot prove a write; None when it can."""
    try:
        await store.probe()
    except CallError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - logged; whatever it was, this server is not ready
        log.failure("probe failed", error)
        return "The store failed in a way that nobody foresaw; the log says how."
    return None
