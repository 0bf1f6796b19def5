"""Tells webhooks what happens: each in order, one event at a time, again until it is accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import orjson

from homeport.coordination.events import Event, EventFilter
from homeport.coordination.store import Records, Store
from homeport.coordination.values import Millis, iso
from homeport.coordination.webhooks import Webhook, accepted, refused, signature
from homeport.transports.log import Log

LOOK_SECONDS: Final = 5.0
"""How often new and resumed webhooks are looked for where nothing happens."""
PAGE: Final = 100
LAST_SECONDS: Final = 3.0
"""For calls under way in the end, so that the next server need not repeat them."""
SAVE_EVERY: Final = 20
"""Accepted events after which the position is written down; a crash repeats at most so many calls."""

Post = Callable[[str, bytes, dict[str, str]], Awaitable[int]]
"""Posts a body with headers to an address and answers with the status; raises OSError when it cannot."""


class WebhookSender:
    """One task for each webhook that has something to be told.

    Args:
        store: whose events, and whose webhooks.
        environment: is told with every event.
        post: sends a call.
        clock: milliseconds since the epoch.
        log: learns of webhooks that are parked.
    """

    def __init__(self, store: Store, environment: str, post: Post, clock: Callable[[], Millis], log: Log) -> None:
        self._store = store
        self._environment = environment
        self._post = post
        self._clock = clock
        self._log = log
        self._news = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._closing = asyncio.Event()

    async def run(self) -> None:
        """Runs until it is cancelled."""
        stop_listening = self._store.listen(lambda _events: self._news.set())
        try:
            while True:
                self._news.clear()
                await self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._news.wait()
        finally:
            stop_listening()
            self._closing.set()
            if self._busy:
                await asyncio.wait(self._busy.values(), timeout=LAST_SECONDS)
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _look(self) -> None:
        """Starts with every webhook that is behind, due, and not being told already."""
        now = self._clock()
        self._busy = {name: task for name, task in self._busy.items() if not task.done()}
        for webhook in await self._store.read(_behind):
            if webhook.id not in self._busy and webhook.next_attempt_at <= now:
                task = self._busy[webhook.id] = asyncio.create_task(self._tell(webhook))
                # What happened while it was ending is looked for at once.
                task.add_done_callback(lambda _task: self._news.set())

    async def _tell(self, webhook: Webhook) -> None:
        """Tells one webhook all that it has not heard, until it refuses."""
        unsaved = 0
        while not self._closing.is_set() and (events := await self._next(webhook)):
            for event in events:
                error = await self._call(webhook, event) if webhook.wants(event) else None
                if error is not None:
                    await self._save(refused(webhook, error, self._clock()))
                    return
                webhook = accepted(webhook, event.seq)
                unsaved += 1
                if unsaved % SAVE_EVERY == 0 and not await self._save(webhook):
                    return
                if self._closing.is_set():
                    break
        if unsaved:
            await self._save(webhook)

    async def _next(self, webhook: Webhook) -> Sequence[Event]:
        return await self._store.read(lambda records: records.events.select(EventFilter(), webhook.position, PAGE))

    async def _call(self, webhook: Webhook, event: Event) -> str | None:
        """Calls once; what went wrong, or None."""
        seconds = self._clock() // 1000
        message_id = f"{webhook.id}-{event.seq}"
        body = orjson.dumps(
            {
                "type": event.kind,
                "timestamp": iso(event.at),
                "environment": self._environment,
                # What the event itself is called wins: a message has a number of its own too.
                "data": {
                    **event.data,
                    "seq": event.seq,
                    "actor": event.actor,
                    "subject": event.subject,
                    "project_id": event.project_id,
                },
            }
        )
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signature(webhook.secret, message_id, seconds, body),
        }
        try:
            status = await self._post(webhook.url, body, headers)
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        return None if 200 <= status < 300 else f"It answered {status}."

    async def _save(self, webhook: Webhook) -> bool:
        """Writes down how far it is; False when it was deleted or resumed meanwhile."""

        def work(records: Records) -> bool:
            known = records.webhooks.get(webhook.id)
            if known is None:
                return False
            records.webhooks.put(replace(webhook, url=known.url, kinds=known.kinds, secret=known.secret))
            return True

        if webhook.parked_at is not None:
            self._log.event("warning", "webhook parked", webhook=webhook.id, error=webhook.last_error)
        return await self._store.write(work)


def _behind(records: Records) -> list[Webhook]:
    last = records.events.last()
    return [one for one in records.webhooks.all() if one.parked_at is None and one.position < last]
