"""The front of OAuth: says what is its, and loads the rest when somebody comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from homeport.transports.exchange import Exchange
from homeport.transports.oauth import names
from homeport.transports.oauth.realm import Realm
from homeport.transports.shares import Shares

if TYPE_CHECKING:
    from homeport.transports.oauth.endpoints import Endpoints


class OAuthPlace:
    """OAuth's paths on OAuth's host.

    Args:
        realm: whose access is granted, and where.
    """

    def __init__(self, realm: Realm) -> None:
        self._realm = realm
        self._loading: asyncio.Task[Endpoints] | None = None

    @property
    def host(self) -> str:
        """The one name under which it is called."""
        return self._realm.host

    def share(self, shares: Shares) -> None:
        """Counts with the other servers of the environment."""
        shares.share("oauth", self._realm.shares)

    def owns(self, exchange: Exchange) -> bool:
        """Whether a request is for it."""
        return exchange.path in names.PATHS and names.is_called(exchange, self._realm.host)

    async def __call__(self, exchange: Exchange) -> None:
        """Answers a request that is for it."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(self._load))
        endpoints = await asyncio.shield(self._loading)
        await endpoints(exchange)

    def _load(self) -> Endpoints:
        from homeport.transports.oauth.endpoints import Endpoints

        return Endpoints(self._realm)
