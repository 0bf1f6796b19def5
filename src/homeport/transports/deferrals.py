"""Calls that are answered later: what the Tasks extension (``io.modelcontextprotocol/tasks``) calls tasks.

Homeport's own tasks are something else, so these have another name inside. A deferral belongs to who made it, is kept
for its time to live and no longer, and ends with this process: a client that comes after a restart is told that there
is none, and calls again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from homeport.coordination.values import JsonObject, Millis, iso
from homeport.errors import NotFoundError
from homeport.transports.relay import owned

TTL: Final[Millis] = 60 * 60 * 1000
"""From its beginning; after that it may be gone."""
POLL: Final[Millis] = 1_000
"""How often a client that is not told by a stream should look."""
MAX_IN_ALL: Final = 2_000
MAX_PER_CLIENT: Final = 200

Status = Literal["working", "input_required", "completed", "failed", "cancelled"]
Outcome = tuple[Literal["result", "error"], JsonObject]
"""What a call ends with: its result, or an error of JSON-RPC."""
Work = Callable[["Deferral"], Awaitable[Outcome]]


class NoRoomError(Exception):
    """As many calls are deferred as may be."""


class Deferral:
    """One call that is answered later.

    Args:
        owner: nobody else can see it.
        client: whom it counts for.
        clock: milliseconds since the epoch.
        changed: told its id whenever something about it has changed.
        me: what this server is called among others of its environment.
    """

    def __init__(
        self, owner: str, client: str, clock: Callable[[], Millis], changed: Callable[[str], None], me: str = ""
    ) -> None:
        self.id = owned(me, secrets.token_urlsafe(24))
        self.owner = owner
        self.client = client
        self.created_at = self.changed_at = clock()
        self.status: Status = "working"
        self.task: asyncio.Task[None] | None = None
        self._clock = clock
        self._changed = changed
        self._outcome: Outcome | None = None
        self._asked: dict[str, JsonObject] = {}
        self._used: set[str] = set()
        self._given: dict[str, Any] = {}
        self._answered = asyncio.Event()

    def brief(self) -> JsonObject:
        """What its creation is answered with."""
        return {
            "taskId": self.id,
            "status": self.status,
            "createdAt": iso(self.created_at),
            "lastUpdatedAt": iso(self.changed_at),
            "ttlMs": TTL,
            "pollIntervalMs": POLL,
        }

    def whole(self) -> JsonObject:
        """All of it: with what it asks, or what it ended with."""
        shown = self.brief()
        if self.status == "input_required":
            shown["inputRequests"] = dict(self._asked)
        if self._outcome is not None:
            kind, content = self._outcome
            shown[kind] = content
            if kind == "error":
                shown["statusMessage"] = str(content.get("message", "It failed."))
        return shown

    async def ask(self, requests: JsonObject) -> dict[str, Any]:
        """Asks the client something, in the middle of the work; waits until all of it is answered.

        Args:
            requests: by names that this deferral has not used before.

        Raises:
            ValueError: a name was used before.
        """
        if not self._used.isdisjoint(requests):
            raise ValueError("a name of a request is used once")
        self._used.update(requests)
        self._asked = dict(requests)
        self._given = {}
        self._answered.clear()
        self._become("input_required")
        await self._answered.wait()
        return self._given

    def give(self, responses: JsonObject) -> None:
        """The client's answers; what was not asked, or was answered before, is passed over."""
        given = {name: response for name, response in responses.items() if name in self._asked}
        if not given:
            return
        self._given.update(given)
        self._asked = {name: request for name, request in self._asked.items() if name not in given}
        if self._asked:
            self._become("input_required")
        else:
            self._become("working")
            self._answered.set()

    def cancel(self) -> None:
        """Ends the work, if it goes on."""
        if self.status in ("working", "input_required") and self.task is not None:
            self._become("cancelled")
            self.task.cancel()

    def end(self, outcome: Outcome) -> None:
        """The work is done."""
        if self.status in ("working", "input_required"):
            self._outcome = outcome
            self._become("completed" if outcome[0] == "result" else "failed")

    def _become(self, status: Status) -> None:
        self.status = status
        self.changed_at = self._clock()
        self._changed(self.id)


class Deferrals:
    """All of them.

    Args:
        clock: milliseconds since the epoch.
        changed: told the id of one that has changed.
        in_all: how many there may be.
        per_client: how many of one client.
        me: what this server is called among others of its environment.
    """

    def __init__(
        self,
        clock: Callable[[], Millis],
        changed: Callable[[str], None],
        in_all: int = MAX_IN_ALL,
        per_client: int = MAX_PER_CLIENT,
        me: str = "",
    ) -> None:
        self._me = me
        self._clock = clock
        self._changed = changed
        self._in_all = in_all
        self._per_client = per_client
        self._known: dict[str, Deferral] = {}
        self._clients: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._known)

    def begin(self, owner: str, client: str, work: Work) -> Deferral:
        """Begins work that goes on after this returns.

        Raises:
            NoRoomError: there are too many.
        """
        self._forget_old()
        if len(self._known) >= self._in_all or self._clients[client] >= self._per_client:
            raise NoRoomError
        one = Deferral(owner, client, self._clock, self._changed, self._me)
        self._known[one.id] = one
        self._clients[client] += 1
        one.task = asyncio.create_task(self._carry_out(one, work))
        return one

    def find(self, owner: str, deferral_id: str) -> Deferral:
        """The one of that id.

        Raises:
            NotFoundError: there is none, or it is another's, which is not told apart.
        """
        one = self._known.get(deferral_id)
        if one is None or one.owner != owner or self._is_old(one):
            raise NotFoundError(
                f"There is no task {deferral_id[:100]!r}.",
                "It is over for an hour, another's, or of before a restart; call the tool again.",
            )
        return one

    async def close(self) -> None:
        """Ends all work."""
        tasks = [one.task for one in self._known.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _carry_out(self, one: Deferral, work: Work) -> None:
        one.end(await work(one))

    def _is_old(self, one: Deferral) -> bool:
        return self._clock() - one.created_at >= TTL

    def _forget_old(self) -> None:
        """They are in the order of their beginnings."""
        while self._known and self._is_old(oldest := next(iter(self._known.values()))):
            del self._known[oldest.id]
            oldest.cancel()
            self._clients[oldest.client] -= 1
            if not self._clients[oldest.client]:
                del self._clients[oldest.client]
