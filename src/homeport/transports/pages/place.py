"""The front of the pages: says what is theirs, and loads the rest beside the server, for the first who looks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from homeport.transports.exchange import Exchange
from homeport.transports.pages.ground import Ground

if TYPE_CHECKING:
    from homeport.transports.pages.endpoint import Pages


class PagesPlace:
    """Answers requests for pages.

    Args:
        ground: what they stand on.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._loading: asyncio.Task[Pages] | None = None

    def load(self) -> asyncio.Task[Pages]:
        """Begins to load them, once; to be called in the event loop."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self._load))
        return self._loading

    async def __call__(self, exchange: Exchange) -> None:
        """Answers a request; one for a path where nothing is, too."""
        pages = await asyncio.shield(self.load())
        await pages(exchange)

    def _load(self) -> Pages:
        from homeport.transports.pages.endpoint import Pages

        return Pages(self._ground)
