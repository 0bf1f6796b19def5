"""Who is in the middle of something when its token stops being good: a stream that is open, a wait.

A token is judged when a request comes in. What lasts longer than that has to hear of its end: a change of tokens is an
event, whichever process made it, and is followed by one look for all who hold something; for tokens that expire, the
clock is compared once a second. A stream costs a future, and no look of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from homeport.coordination.store import Records, Store
from homeport.coordination.values import Millis
from homeport.errors import CallError, UnauthorizedError

LOOK_SECONDS: Final = 1.0


class Shown(NamedTuple):
    """A token as it was shown: its id, and the digest of its text."""

    token_id: str
    digest: str


Judge = Callable[[Records, Shown], UnauthorizedError | None]
"""Why a token opens nothing any more; None where it does."""


class Lapses:
    """Tells those who hold something open that their token is good no longer.

    Args:
        store: where tokens are kept.
        judge: says whether one is still good.
        clock: milliseconds since the epoch.

    Attributes:
        changes: how many changes of tokens were heard of.
    """

    def __init__(self, store: Store, judge: Judge, clock: Callable[[], Millis]) -> None:
        self._store = store
        self._judge = judge
        self._clock = clock
        self._waiting: dict[Shown, set[asyncio.Future[UnauthorizedError]]] = {}
        self._until: dict[Shown, Millis | None] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.changes = 0

    def heard(self) -> None:
        """Tokens have changed."""
        self.changes += 1
        self._news.set()

    async def lapse(self, shown: Shown, until: Millis | None, since: int) -> UnauthorizedError:
        """Waits until a token opens nothing any more; says why.

        Args:
            shown: the token.
            until: when it expires, if ever.
            since: :attr:`changes` before it was found good.
        """
        if since != self.changes:
            self._news.set()
        future: asyncio.Future[UnauthorizedError] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(shown, set())
        waiting.add(future)
        self._until[shown] = until
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            return await future
        finally:
            waiting.discard(future)
            if not waiting and self._waiting.get(shown) is waiting:
                del self._waiting[shown], self._until[shown]

    async def close(self) -> None:
        """Looks no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        """Works while anybody waits."""
        again = False
        while self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._news.wait()
            changed = again or self._news.is_set()
            self._news.clear()
            now = self._clock()
            again = not await self._look([one for one in self._waiting if changed or self._is_over(one, now)])
        self._task = None

    def _is_over(self, shown: Shown, now: Millis) -> bool:
        until = self._until[shown]
        return until is not None and until <= now

    async def _look(self, suspects: list[Shown]) -> bool:
        """Tells those whose token is no good; False where the store cannot be read now."""
        if not suspects:
            return True
        try:
            found = await self._store.scan(lambda records: [self._judge(records, one) for one in suspects])
        except CallError:
            return False
        for shown, error in zip(suspects, found, strict=True):
            if error is not None:
                for future in self._waiting.get(shown, ()):
                    if not future.done():
                        future.set_result(error)
        return True
