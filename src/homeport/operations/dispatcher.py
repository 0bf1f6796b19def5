"""The dispatcher: from a name and arguments to an answer, the same for every transport."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import orjson
from pydantic import ValidationError

from homeport.coordination import idempotency, presence
from homeport.coordination.store import Records, Store
from homeport.coordination.values import IdSource, JsonObject, Millis, did_you_mean
from homeport.errors import InvalidError, NotFoundError
from homeport.operations.bell import Bell
from homeport.operations.budget import LIST_COST, PAGE_COST
from homeport.operations.caller import ANYBODY, Caller
from homeport.operations.feed import Feed
from homeport.operations.operation import Arguments, Call, Mutation, Operation, Place
from homeport.operations.refusals import refusal

MOST_SIGHTINGS: Final = 10_000
"""That are remembered, so that they are not written down again within a moment."""


class Dispatcher:
    """Runs operations of a catalogue on a store.

    Args:
        catalogue: all operations by name.
        store: where their work runs.
        place: what the answers say of where they come from.
        clock: milliseconds since the epoch, UTC.
        ids: where new ids come from.

    Attributes:
        bell: rung for who waits.
        feed: of all events.
    """

    def __init__(
        self,
        catalogue: Mapping[str, Operation],
        store: Store,
        place: Place,
        clock: Callable[[], Millis],
        ids: IdSource,
    ) -> None:
        self.catalogue = catalogue
        self.store = store
        self.place = place
        self.bell = Bell()
        self.clock = clock
        self._ids = ids
        self._listed = sum(operation.listed for operation in catalogue.values())
        self._touched: dict[str, Millis] = {}
        self._closing = False
        self.feed = Feed(store)
        self._stop_listening = store.listen(self.bell.ring)

    def operation(self, name: str) -> Operation:
        """The operation of that name.

        Raises:
            NotFoundError: there is none; the hint offers near names.
        """
        try:
            return self.catalogue[name]
        except KeyError:
            near = did_you_mean(name, list(self.catalogue))
            raise NotFoundError(f"There is no tool {name!r}.", near) from None

    async def call(self, name: str, arguments: Mapping[str, Any] | None, caller: Caller = ANYBODY) -> JsonObject:
        """Runs an operation in a caller's name.

        Raises:
            CallError: the call was refused; nothing changed.
        """
        operation = self.operation(name)
        given = self.validated(operation, caller.arguments(operation, operation.with_actor(arguments or {})))
        if operation.kind == "wait":
            return await self._wait(operation, given)
        work = partial(self._work, operation, given, caller)
        if operation.kind == "write":
            return await self.store.write(work)
        is_long = operation.kind == "scan" or (operation.long is not None and operation.long(given))
        answer = await (self.store.scan(work) if is_long else self.store.read(work))
        await self._touch(operation, given)
        return answer

    async def look(self, name: str, arguments: Mapping[str, Any] | None, caller: Caller) -> JsonObject:
        """Reads for a person's page: lists may be long, and it is no sign of life of whomever it looks at.

        Raises:
            CallError: the call was refused.
        """
        operation = self.operation(name)
        given = self.validated(operation, caller.arguments(operation, operation.with_actor(arguments or {})))
        if operation.kind not in ("read", "scan"):
            raise InvalidError(f"{name} does not read.", "Use call.")
        is_long = operation.kind == "scan" or (operation.long is not None and operation.long(given))
        work = partial(self._work, operation, given, caller, budget=PAGE_COST)
        return await (self.store.scan(work) if is_long else self.store.read(work))

    async def sighted(self, instance_id: str) -> None:
        """Writes a sign of life down, at most once in a while for each instance; of unknown ones none."""
        now = self.clock()
        if now - self._touched.get(instance_id, 0) < presence.TOUCH_EVERY:
            return
        if await self.store.read(lambda records: presence.needs_touch(records, instance_id, now)):
            await self.store.write(lambda records: presence.touch(records, instance_id, now))
        if len(self._touched) >= MOST_SIGHTINGS:
            # What is forgotten costs one look in the store, at most.
            self._touched.clear()
        self._touched[instance_id] = now

    def check(self, name: str, arguments: Mapping[str, Any] | None, caller: Caller) -> None:
        """Refuses what :meth:`call` would refuse before it begins.

        Raises:
            CallError: the operation, its arguments or the caller are wrong.
        """
        operation = self.operation(name)
        self.validated(operation, caller.arguments(operation, operation.with_actor(arguments or {})))

    def validated(self, operation: Operation, arguments: Mapping[str, Any]) -> Arguments:
        """The typed arguments.

        Raises:
            InvalidError: all that is wrong with them, in one sentence.
        """
        try:
            return operation.arguments.model_validate(arguments)
        except ValidationError as error:
            raise refusal(operation, error) from None

    def close(self) -> None:
        """Ends all waits, which answer with what there is, and all that follows the feed."""
        self._closing = True
        self.feed.close()
        self._stop_listening()
        self.bell.ring_all()

    def _work(
        self, operation: Operation, given: Arguments, caller: Caller, records: Records, budget: int = LIST_COST
    ) -> JsonObject:
        now = self.clock()
        size, schema = len(self.catalogue), self.store.schema_version
        call = Call(now, self._ids, self.place, schema, size, self._listed, caller.instance_id, budget)
        if operation.actor and operation.kind == "write":
            actor = getattr(given, operation.actor)
            if isinstance(actor, str):
                presence.touch(records, actor, now)
        if isinstance(given, Mutation) and given.idempotency_key is not None:
            return idempotency.once(
                records,
                operation.name,
                given.idempotency_key,
                _fingerprint(given),
                now,
                partial(operation.work, records, given, call),
                caller.owner,
            )
        return operation.work(records, given, call)

    async def _wait(self, operation: Operation, given: Arguments) -> JsonObject:
        """Listens first, then looks, then waits: nothing that happens in between is missed."""
        assert operation.actor is not None  # noqa: S101 - the catalogue's test holds it
        assert operation.ready is not None  # noqa: S101 - the same
        reader: str = getattr(given, operation.actor)
        seconds: float = given.timeout_seconds  # type: ignore[attr-defined]  # the catalogue's test holds it
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        await self._touch(operation, given)
        with self.bell.listening(reader) as signal:
            while True:
                signal.clear()
                answer = await self.store.read(partial(self._work, operation, given, ANYBODY))
                left = end - loop.time()
                if operation.ready(answer) or left <= 0 or self._closing:
                    return answer
                try:
                    async with asyncio.timeout(left):
                        await signal.wait()
                except TimeoutError:
                    return answer

    async def _touch(self, operation: Operation, given: Arguments) -> None:
        actor = getattr(given, operation.actor) if operation.actor else None
        if isinstance(actor, str):
            await self.sighted(actor)


def _fingerprint(given: Arguments) -> str:
    content = given.model_dump(mode="json", exclude={"idempotency_key"}, exclude_none=True)
    return hashlib.blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()
