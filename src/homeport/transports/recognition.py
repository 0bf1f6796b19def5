"""From a token that was shown to the caller that it stands for."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from homeport.coordination import oauth, tokens
from homeport.coordination.events import Event
from homeport.coordination.store import Records, Store
from homeport.coordination.tokens import Token
from homeport.coordination.values import Millis
from homeport.errors import CallError, UnauthorizedError
from homeport.operations.caller import Caller
from homeport.transports.lapses import Lapses, Shown
from homeport.transports.log import Log

TRUSTED_SECONDS: Final = 1.0
"""For so long a token that was found good is not looked up again, unless an event tells of a change."""
MOST_KNOWN: Final = 10_000
"""Tokens that are remembered; access tokens of OAuth come and go."""
TOUCH_EVERY: Final[Millis] = 60_000
_CHANGES: Final = frozenset({tokens.CREATED, tokens.REVOKED, oauth.ENDED})


class _Found(NamedTuple):
    caller: Caller
    token: Token
    until: Millis | None


@dataclass(frozen=True, slots=True)
class Admission:
    """That a token was found good: whose it is, and since when (in seconds of the machine's own clock)."""

    caller: Caller
    since: float
    shown: Shown
    until: Millis | None
    changes: int
    lapses: Lapses

    async def lapsed(self) -> UnauthorizedError:
        """Waits until the token opens nothing any more; says why."""
        return await self.lapses.lapse(self.shown, self.until, self.changes)


class Recognition:
    """Recognises the tokens of one environment.

    Args:
        store: where they are kept.
        environment: whose tokens are good.
        log: learns of a last use that could not be written down.
        clock: milliseconds since the epoch.
        monotonic: seconds.
    """

    def __init__(
        self,
        store: Store,
        environment: str,
        log: Log,
        clock: Callable[[], Millis],
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._environment = environment
        self._log = log
        self._clock = clock
        self._monotonic = monotonic
        # By digest, so that the server's memory holds no token, and no look-up compares secrets letter by letter.
        self._known: dict[bytes, Admission] = {}
        self._touched: dict[str, Millis] = {}
        self._touching: set[asyncio.Task[None]] = set()
        self._lapses = Lapses(store, self._lapse, clock)
        self._stop_listening = store.listen(self._heard)

    def quickly(self, shown: bytes) -> Admission | None:
        """Of a token that was found good a moment ago; None says nothing about it."""
        known = self._known.get(hashlib.sha256(shown).digest())
        if known is None or self._monotonic() - known.since >= TRUSTED_SECONDS:
            return None
        return known

    async def admitted(self, shown: bytes) -> Admission:
        """Looks a token up.

        Raises:
            UnauthorizedError: it is no good; the sentence says why.
            UnavailableError: it could not be looked up.
        """
        token_id = tokens.id_of(shown.decode("latin-1"), self._environment)
        digest = hashlib.sha256(shown)
        named = Shown(token_id, digest.hexdigest())
        now, since, changes = self._clock(), self._monotonic(), self._lapses.changes
        try:
            found = await self._store.read(lambda records: _found(records, named, self._environment, now))
        except UnauthorizedError as error:
            self._known.pop(digest.digest(), None)
            error.details["token"] = token_id
            raise
        admission = Admission(found.caller, since, named, found.until, changes, self._lapses)
        if changes == self._lapses.changes:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[digest.digest()] = admission
        self._touch(found.token, now)
        return admission

    async def close(self) -> None:
        """Lets what is being written down be finished."""
        self._stop_listening()
        await self._lapses.close()
        if self._touching:
            await asyncio.wait(self._touching)

    def _heard(self, events: Sequence[Event]) -> None:
        if any(event.kind in _CHANGES for event in events):
            self._known.clear()
            self._lapses.heard()

    def _lapse(self, records: Records, shown: Shown) -> UnauthorizedError | None:
        try:
            _found(records, shown, self._environment, self._clock())
        except UnauthorizedError as error:
            error.details["token"] = shown.token_id
            return error
        return None

    def _touch(self, token: Token, now: Millis) -> None:
        """Has the last use written down, at most once a minute; nobody waits for it."""
        last = max(token.last_used_at or 0, self._touched.get(token.id, 0))
        if now - last < TOUCH_EVERY:
            return
        self._touched[token.id] = now
        task = asyncio.create_task(self._write_down(token.id, now))
        self._touching.add(task)
        task.add_done_callback(self._touching.discard)

    async def _write_down(self, token_id: str, now: Millis) -> None:
        try:
            await self._store.write(lambda records: records.tokens.touch(token_id, now))
        except CallError as error:
            self._log.event("warning", "the last use of a token was not written down", token=token_id, error=str(error))


def _found(records: Records, shown: Shown, environment: str, now: Millis) -> _Found:
    """Whose a token is: one of ours, or what OAuth gave out in the name of one.

    Raises:
        UnauthorizedError: it opens nothing.
    """
    known = records.tokens.get(shown.token_id)
    granted = None if known is not None else oauth.bearer(records, shown.digest, now)
    if granted is None:
        token = tokens.judge(known, shown.digest, environment, now)
        return _Found(Caller(token.name, token.scope, token.instance_id, token.id), token, token.expires_at)
    grant, token = granted
    name = f"{token.name} by {grant.client_name}"
    ends = [one.expires_at for one in (records.oauth.credential(shown.digest), token) if one and one.expires_at]
    return _Found(Caller(name, grant.scope, token.instance_id, grant.id), token, min(ends))
