"""``POST /hooks/push``: a forge says that something was pushed. It is noted for whoever may act on it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Final, Protocol

import orjson

from homeport.contract.pushes import is_followed
from homeport.coordination.values import JsonObject
from homeport.errors import CallError, ConflictError, ForbiddenError, LimitedError, UnauthorizedError
from homeport.secret import Secret
from homeport.transports.buckets import Buckets
from homeport.transports.exchange import BodyRefusedError, Exchange
from homeport.transports.forges import Delivery, Pushed, judge, read_push
from homeport.transports.log import Log
from homeport.transports.others import Others

FAILURES: Final = 60
"""Refused attempts a minute from one address that are logged one by one."""


class Requests(Protocol):
    """Where is noted what was asked for."""

    def put(self, delivery: Delivery, digest: str, pushed: Pushed) -> str:
        """Notes it, once; answers the id of the request.

        Args:
            delivery: whence it came.
            digest: of the body.
            pushed: what is asked for.

        Raises:
            ConflictError: that delivery, or one with that body, was taken before.
            UnavailableError: too many wait, or it cannot be written.
        """

    def secret(self) -> Secret:
        """What forges sign with.

        Raises:
            UnavailableError: it cannot be read, or others can read it too.
        """


class PushesEndpoint:
    """Takes webhooks.

    Args:
        branches: patterns of those that may be asked for.
        requests: where is noted what was asked for.
        log: learns of each.
        clock: seconds since the epoch.
        monotonic: seconds.
    """

    def __init__(
        self,
        branches: Sequence[str],
        requests: Requests,
        log: Log,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._branches = tuple(branches)
        self._requests = requests
        self._log = log
        self._clock = clock
        self._monotonic = monotonic
        self._failures = Buckets(FAILURES)
        self._others: Others | None = None
        self._noting: set[asyncio.Task[None]] = set()

    def share(self, others: Others) -> None:
        """What a forge asks of one server it asks of all: each machine that follows the branch has it noted."""
        self._others = others
        others.on("pushed", self._heard)

    async def __call__(self, exchange: Exchange) -> None:
        try:
            answer = await self._taken(exchange)
        except CallError as error:
            told = self._noted(exchange, error)
            await exchange.problem(told.http_status, told.as_json())
        except BodyRefusedError as error:
            self._log.event("warning", "webhook refused", reason=error.sentence, **_whose(exchange))
            raise
        else:
            await exchange.respond(202 if "request" in answer else 200, orjson.dumps(answer))

    async def _taken(self, exchange: Exchange) -> dict[str, str]:
        body = await exchange.body()
        secret = await asyncio.to_thread(self._requests.secret)
        delivery = judge(exchange.headers, body, secret, self._clock())
        if not delivery.is_push:
            return {"ignored": f"{delivery.event or 'an event without a name'} is no push"}
        pushed = read_push(body)
        if pushed is None:
            return {"ignored": "no branch has a new commit"}
        if not is_followed(pushed.branch, self._branches):
            raise ForbiddenError(
                f"{pushed.branch} is not followed here.", "follow.branches of the environment names those that are."
            )
        digest = hashlib.sha256(body).hexdigest()
        request = await asyncio.to_thread(self._requests.put, delivery, digest, pushed)
        if self._others is not None:
            self._others.tell("pushed", delivery=asdict(delivery), digest=digest, pushed=asdict(pushed))
        facts = {"branch": pushed.branch, "commit": pushed.commit, "forge": delivery.forge, "delivery": delivery.id}
        self._log.event("info", "webhook taken", request=request, **facts, **_whose(exchange))
        return {"request": request, "branch": pushed.branch, "commit": pushed.commit}

    def _heard(self, said: JsonObject) -> None:
        """Another server took a webhook."""
        delivery, pushed = Delivery(**said["delivery"]), Pushed(**said["pushed"])
        if is_followed(pushed.branch, self._branches):
            task = asyncio.create_task(self._note(delivery, said["digest"], pushed))
            self._noting.add(task)
            task.add_done_callback(self._noting.discard)

    async def _note(self, delivery: Delivery, digest: str, pushed: Pushed) -> None:
        facts = {"branch": pushed.branch, "commit": pushed.commit, "forge": delivery.forge, "delivery": delivery.id}
        try:
            request = await asyncio.to_thread(self._requests.put, delivery, digest, pushed)
        except ConflictError:
            return  # The forge calls this machine too, or its other slot has heard it.
        except CallError as error:
            self._log.event("warning", "webhook of another server not noted", reason=error.sentence, **facts)
            return
        self._log.event("info", "webhook taken by another server", request=request, **facts)

    def _noted(self, exchange: Exchange, error: CallError) -> CallError:
        """Logs a refusal; without a good signature, from one address only so many."""
        if isinstance(error, UnauthorizedError):
            level = self._failures.take(exchange.client, self._monotonic())
            if not level.allowed:
                return LimitedError(f"Over {FAILURES} webhooks without a good signature in a minute, from one address.")
        self._log.event("warning", "webhook refused", reason=error.sentence, **_whose(exchange))
        return error


def _whose(exchange: Exchange) -> dict[str, object]:
    return {"request_id": exchange.request_id, "client": exchange.client}
