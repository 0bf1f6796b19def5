"""How many streams may be open: in all, and for one client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from homeport.transports.exchange import Exchange

MAX_STREAMS: Final = 2_000
"""Open at once, in all."""
MAX_PER_CLIENT: Final = 1_000
"""Open at once for one client. Many agents can be one client: they share a machine, or a token."""


class NoPlaceError(Exception):
    """No further stream may be opened now.

    Args:
        status: 429 where it is the client's own streams that are too many, 503 where it is everybody's.
        sentence: what is wrong.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence

    async def answer(self, exchange: Exchange) -> None:
        """Tells the client to come again later."""
        code = "limited" if self.status == 429 else "unavailable"
        await exchange.problem(self.status, {"code": code, "message": self.sentence}, [(b"retry-after", b"10")])


class Places:
    """Counts the streams that are open.

    Args:
        in_all: how many there may be.
        per_client: how many of one client.

    Attributes:
        closing: whether no further one may be opened, for the server is ending.
    """

    def __init__(self, in_all: int = MAX_STREAMS, per_client: int = MAX_PER_CLIENT) -> None:
        self._in_all = in_all
        self._per_client = per_client
        self._clients: Counter[str] = Counter()
        self.closing = False

    def __len__(self) -> int:
        """How many are taken."""
        return self._clients.total()

    @contextmanager
    def taken(self, exchange: Exchange) -> Iterator[None]:
        """A place for one more stream, until the block ends.

        Raises:
            NoPlaceError: there is none.
        """
        client = client_of(exchange)
        if self.closing or len(self) >= self._in_all:
            raise NoPlaceError(503, "This server has no room for another stream now.")
        if self._clients[client] >= self._per_client:
            raise NoPlaceError(429, f"This client has {self._per_client} streams open, as many as it may.")
        self._clients[client] += 1
        try:
            yield
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]


def client_of(exchange: Exchange) -> str:
    """Whose streams and sessions are counted together: a token's, or else an address'."""
    return exchange.caller.id or exchange.client
