"""The gate: who is answered, in whose name, and how often. It stands before everything but what anybody may read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from homeport.contract import Auth
from homeport.coordination.store import Store
from homeport.coordination.values import Millis
from homeport.errors import CallError, LimitedError, UnauthorizedError, UnavailableError
from homeport.operations.caller import ANYBODY
from homeport.transports import bearer, jsonrpc
from homeport.transports.buckets import Buckets
from homeport.transports.exchange import Exchange, Header
from homeport.transports.log import Log
from homeport.transports.oauth import names
from homeport.transports.recognition import Recognition
from homeport.transports.shares import Shares

FAILURES: Final = 60
"""Refused attempts a minute from one address that are answered and logged one by one."""
_READ_FOR_ITS_ID: Final = 1 << 16
"""Bytes of a stranger's request that are read, so that the answer can name it."""


def epoch_millis() -> Millis:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


class Gate:
    """Lets requests pass in somebody's name, or answers them itself.

    Args:
        store: where tokens are kept.
        environment: whose tokens are good.
        log: learns of attempts that failed.
        auth: whether a token must be shown. One that is shown is judged in any case.
        rate_limit: requests a minute for each caller; 0 for no limit.
        oauth_host: where a refusal says how to sign in. On all other names it must not, and none is a 403: clients
            would drop the header that they have and begin OAuth.
        clock: milliseconds since the epoch.
        monotonic: seconds.
    """

    def __init__(
        self,
        store: Store,
        environment: str,
        log: Log,
        *,
        auth: Auth = "tokens",
        rate_limit: int = 0,
        oauth_host: str | None = None,
        clock: Callable[[], Millis] = epoch_millis,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = environment
        self._log = log
        self._is_open = auth == "open"
        self._oauth_host = oauth_host
        self._monotonic = monotonic
        self._recognition = Recognition(store, environment, log, clock, monotonic)
        self._buckets = Buckets(rate_limit) if rate_limit else None
        self._failures = Buckets(FAILURES)

    def share(self, shares: Shares) -> None:
        """Counts with the other servers of the environment."""
        shares.share("requests", self._buckets)
        shares.share("refused", self._failures)

    async def admits(self, exchange: Exchange, *, as_rpc: bool, session: bytes | None = None) -> bool:
        """Whether the request may pass: then it has its caller. Else it was answered.

        Args:
            exchange: the request.
            as_rpc: whether a refusal is a JSON-RPC response, or else the JSON API's form of an error.
            session: what a browser shows where no token is.
        """
        try:
            await self.know(exchange, session)
        except CallError as error:
            await self._turn_away(exchange, error, as_rpc=as_rpc)
            return False
        return True

    async def know(self, exchange: Exchange, session: bytes | None) -> None:
        """Finds out in whose name a request is, and counts it.

        Raises:
            UnauthorizedError: in nobody's, and that is not enough.
            LimitedError: the caller has used up its share.
            UnavailableError: its token could not be looked up.
        """
        await self._recognise(exchange, session)
        if self._buckets is not None:
            self._count(exchange, self._buckets)

    @property
    def is_open(self) -> bool:
        """Whether everybody is answered."""
        return self._is_open

    def failed(self, exchange: Exchange, error: UnauthorizedError) -> CallError:
        """Notes a sign-in that failed; what the person is told: after so many from one address, to wait."""
        return self._noted(exchange, error)

    async def close(self) -> None:
        """Ends what it does in the background."""
        await self._recognition.close()

    async def turn_out(self, exchange: Exchange, error: UnauthorizedError, *, as_rpc: bool) -> None:
        """Ends a request whose token stopped being good meanwhile: an answer that has begun is cut off."""
        exchange.error = error.code
        if exchange.status:
            await exchange.finish()
        else:
            await self._refuse(exchange, self._noted(exchange, error), exchange.rpc_id, as_rpc=as_rpc)

    async def _recognise(self, exchange: Exchange, session: bytes | None) -> None:
        shown = bearer.shown(exchange)
        if shown is None and session is not None:
            try:
                await self._admit(exchange, session)
            except UnauthorizedError:
                # Where everybody is answered, a visit that ended is no reason to turn anybody away.
                if not self._is_open:
                    raise
                exchange.caller = ANYBODY
        elif shown is not None:
            await self._admit(exchange, shown)
        elif self._is_open:
            exchange.caller = ANYBODY
        else:
            raise UnauthorizedError(
                f"{self._environment} answers nobody without a token.",
                f"Send it as Authorization: Bearer TOKEN; homeport token create {self._environment} makes one.",
            )

    async def _admit(self, exchange: Exchange, shown: bytes) -> None:
        admission = self._recognition.quickly(shown) or await self._recognition.admitted(shown)
        exchange.caller, exchange.standing = admission.caller, admission

    def _count(self, exchange: Exchange, buckets: Buckets) -> None:
        level = buckets.take(exchange.caller.id or exchange.client, self._monotonic())
        exchange.carry(level.headers())
        if not level.allowed:
            seconds = f"{level.next_in} second{'' if level.next_in == 1 else 's'}"
            raise LimitedError(
                f"{exchange.caller.name}: over {level.limit} requests in a minute.",
                f"Come again in {seconds}; rate_limit of the environment is the setting.",
                retry_after_seconds=level.next_in,
            )

    async def _turn_away(self, exchange: Exchange, error: CallError, *, as_rpc: bool) -> None:
        if isinstance(error, UnauthorizedError):
            error = self._noted(exchange, error)
        await self._refuse(exchange, error, await _request_id(exchange) if as_rpc else None, as_rpc=as_rpc)

    async def _refuse(
        self, exchange: Exchange, error: CallError, request_id: jsonrpc.RequestId, *, as_rpc: bool
    ) -> None:
        headers = self._headers(exchange, error)
        if not as_rpc:
            await exchange.problem(error.http_status, error.as_json(), headers)
            return
        exchange.error = error.code
        body = jsonrpc.refusal_response(request_id, error)
        await exchange.respond(error.http_status, body, headers=headers)

    def _headers(self, exchange: Exchange, error: CallError) -> list[Header]:
        if isinstance(error, UnauthorizedError):
            return [names.challenge(exchange, self._oauth_host)]
        if isinstance(error, LimitedError):
            return [(b"retry-after", str(error.details["retry_after_seconds"]).encode())]
        return [(b"retry-after", b"5")] if isinstance(error, UnavailableError) else []

    def _noted(self, exchange: Exchange, error: UnauthorizedError) -> CallError:
        """Logs a failed attempt; from one address only so many, which are then answered with another status."""
        address = exchange.client
        level = self._failures.take(address, self._monotonic())
        if not level.allowed:
            return LimitedError(
                f"Over {FAILURES} requests without a good token in a minute, from one address.",
                "Mend the token that is sent. A good one is answered at any time.",
                retry_after_seconds=level.next_in,
            )
        facts = {"request_id": exchange.request_id, "client": address, "path": exchange.path, **error.details}
        self._log.event("warning", "caller refused", reason=error.sentence, **facts)
        return error


async def _request_id(exchange: Exchange) -> jsonrpc.RequestId:
    """The id of a request that is refused, where it can be read without taking much in from a stranger."""
    length = exchange.headers.get(b"content-length", b"")
    if exchange.method != "POST" or not length.isdigit() or len(length) > 5 or int(length) > _READ_FOR_ITS_ID:
        return None
    try:
        message = jsonrpc.parse(await exchange.body())
    except jsonrpc.MalformedError:
        return None
    request_id = message.get("id") if isinstance(message, dict) else None
    return request_id if jsonrpc.is_request_id(request_id) else None
