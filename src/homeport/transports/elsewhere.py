"""Calls that other servers answer later, for the streams of this one that tell of them; and the other way round.

Where a stream here names a call of another server, that one is asked how it stands. It remembers who asked until the
call has ended, and tells whenever something about it has changed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from homeport.coordination.values import JsonObject
from homeport.errors import CallError, NotFoundError
from homeport.transports.deferrals import Deferrals
from homeport.transports.jsonrpc import INTERNAL_ERROR
from homeport.transports.others import Others
from homeport.transports.relay import server_of

ANSWER_SECONDS: Final = 5.0
"""For the other server; what one that does not answer has begun is gone."""
LOOK_SECONDS: Final = 15.0
"""Between two looks whether a server is still there."""
_OVER: Final = frozenset({"completed", "failed", "cancelled"})

Key = tuple[str, str]
"""Who may see a call, and its id."""


@dataclass(slots=True)
class _Followed:
    """A call of another server that streams here tell of."""

    whole: JsonObject
    streams: int = 0


class Elsewhere:
    """Both ends of it.

    Args:
        others: the servers.
        deferrals: the calls that this one answers later.
        changed: told the id of a call that has changed, be it this server's or another's.
    """

    def __init__(self, others: Others, deferrals: Deferrals, changed: Callable[[str], None]) -> None:
        self._others = others
        self._deferrals = deferrals
        self._changed = changed
        self._followed: dict[Key, _Followed] = {}
        self._asking: dict[str, tuple[asyncio.Future[None], list[str] | None]] = {}
        self._followers: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        others.on("deferrals", self._asked)
        others.on("deferrals-found", self._found)
        others.on("deferral", self._told)
        others.when_missed(self._ask_again)

    # --- for streams of this server ----------------------------------------------------------------------------------

    async def follow(self, owner: str, ids: Sequence[str]) -> list[str]:
        """Those of other servers' calls that are this owner's; they are told of until :meth:`leave`."""
        found: list[str] = []
        try:
            await asyncio.gather(*(self._ask(owner, server, some, found) for server, some in self._by_server(ids)))
        except BaseException:
            self.leave(owner, found)
            raise
        return found

    def leave(self, owner: str, ids: Iterable[str]) -> None:
        """A stream tells of these no longer."""
        for key in ((owner, one) for one in ids):
            followed = self._followed.get(key)
            if followed is not None:
                followed.streams -= 1
                if followed.streams < 1:
                    del self._followed[key]

    def whole(self, owner: str, deferral_id: str) -> JsonObject | None:
        """How a call that is followed stands; None where it is not."""
        followed = self._followed.get((owner, deferral_id))
        return None if followed is None else followed.whole

    async def run(self) -> None:
        """Looks now and then whether the servers whose calls are followed are still there; until it is cancelled."""
        silent: Counter[str] = Counter()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            under_way = [key for key, one in self._followed.items() if one.whole["status"] not in _OVER]
            for server, keys in _grouped(under_way):
                if await self._is_there(server):
                    del silent[server]
                    continue
                silent[server] += 1
                # Once may have been the way there.
                for key in keys if silent[server] > 1 else ():
                    followed = self._followed.get(key)
                    if followed is not None:
                        self._renew(key, _lost(followed.whole))

    async def _is_there(self, server: str) -> bool:
        """Whether a server answers; true as well where it cannot be asked."""
        number, future = self._question()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._others.say("deferrals", to=server, asks=self._others.me, number=number, owner="", ids=[])
                await future
        except TimeoutError:
            return False
        except CallError:
            return True
        finally:
            del self._asking[number]
        return True

    async def _ask(self, owner: str, server: str, ids: Sequence[str], found: list[str]) -> None:
        number, future = self._question(found)
        self._others.tell("deferrals", to=server, asks=self._others.me, number=number, owner=owner, ids=list(ids))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    await future
        finally:
            del self._asking[number]

    def _question(self, found: list[str] | None = None) -> tuple[str, asyncio.Future[None]]:
        number = secrets.token_hex(8)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asking[number] = future, found
        return number, future

    def _found(self, said: JsonObject) -> None:
        if said["to"] != self._others.me:
            return
        future, found = self._asking.get(said["number"], (None, None))
        for one, whole in said["found"].items():
            key = said["owner"], one
            if found is not None:
                # At once: the next thing that is told may be that it has changed.
                self._followed.setdefault(key, _Followed(whole)).streams += 1
                found.append(one)
            self._renew(key, whole)
        if future is not None and not future.done():
            future.set_result(None)

    def _told(self, said: JsonObject) -> None:
        if said["to"] == self._others.me:
            self._renew((said["owner"], said["id"]), said["whole"])

    def _renew(self, key: Key, whole: JsonObject) -> None:
        followed = self._followed.get(key)
        if followed is not None and followed.whole != whole:
            followed.whole = whole
            self._changed(key[1])

    def _ask_again(self) -> None:
        """Something may have been told that was not heard."""
        for server, keys in _grouped(self._followed):
            for owner in {owner for owner, _ in keys}:
                ids = [one for whose, one in keys if whose == owner]
                self._others.tell("deferrals", to=server, asks=self._others.me, number="", owner=owner, ids=ids)

    def _by_server(self, ids: Sequence[str]) -> list[tuple[str, list[str]]]:
        """Ids by the other server that each belongs to."""
        if self._others.alone:
            return []
        grouped = _grouped(("", one) for one in ids)
        return [(server, [one for _, one in keys]) for server, keys in grouped if server not in ("", self._others.me)]

    # --- for streams of the others -----------------------------------------------------------------------------------

    def changed(self, deferral_id: str) -> None:
        """A call of this server has changed."""
        self._changed(deferral_id)
        over = False
        for follower, owner in self._followers.get(deferral_id, ()):
            whole = self._whole(owner, deferral_id)
            over = over or whole is None or whole["status"] in _OVER
            if whole is not None:
                self._others.tell("deferral", to=follower, owner=owner, id=deferral_id, whole=whole)
        if over:
            del self._followers[deferral_id]

    def _asked(self, said: JsonObject) -> None:
        if said["to"] != self._others.me:
            return
        owner, found = said["owner"], {}
        for one in said["ids"]:
            whole = self._whole(owner, one)
            if whole is None:
                continue
            found[one] = whole
            if whole["status"] not in _OVER:
                self._followers[one].add((said["asks"], owner))
        self._others.tell("deferrals-found", to=said["asks"], number=said["number"], owner=owner, found=found)

    def _whole(self, owner: str, deferral_id: str) -> JsonObject | None:
        try:
            return self._deferrals.find(owner, deferral_id).whole()
        except NotFoundError:
            return None


def _grouped(keys: Iterable[Key]) -> list[tuple[str, list[Key]]]:
    """Calls by the server that each belongs to."""
    found: defaultdict[str, list[Key]] = defaultdict(list)
    for key in keys:
        found[server_of(key[1])].append(key)
    return list(found.items())


def _lost(whole: JsonObject) -> JsonObject:
    """A call whose server is gone, and its work with it."""
    said = "The server that was to answer is gone, as after a restart; call the tool again."
    kept = {name: value for name, value in whole.items() if name != "inputRequests"}
    error = {"code": INTERNAL_ERROR, "message": said}
    return {**kept, "status": "failed", "statusMessage": said, "error": error}
