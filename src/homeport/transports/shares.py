"""Limits that hold for all servers of an environment together: each tells the others what was taken from its buckets.

A limit is a second late across servers: what is asked of several of them within that second is counted afterwards.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from homeport.coordination.values import JsonObject
from homeport.transports.buckets import Buckets
from homeport.transports.others import Others

TELL_SECONDS: Final = 1.0


class Shares:
    """The buckets that are shared, by name.

    Args:
        others: the servers.
        monotonic: seconds; of the clock that the buckets are asked by.
    """

    def __init__(self, others: Others, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._others = others
        self._monotonic = monotonic
        self._buckets: dict[str, Buckets] = {}
        others.on("taken", self._heard)

    def share(self, name: str, buckets: Buckets | None) -> None:
        """From now on what is taken from them counts everywhere; a server that is alone shares nothing."""
        if buckets is not None and not self._others.alone:
            buckets.count_taken()
            self._buckets[name] = buckets

    async def run(self) -> None:
        """Tells, until it is cancelled."""
        while not self._others.alone:
            await asyncio.sleep(TELL_SECONDS)
            taken = {name: found for name, buckets in self._buckets.items() if (found := buckets.collect_taken())}
            if taken:
                self._others.tell("taken", taken=taken)

    def _heard(self, said: JsonObject) -> None:
        now = self._monotonic()
        for name, taken in said["taken"].items():
            buckets = self._buckets.get(name)
            if buckets is not None:
                for key, count in taken.items():
                    buckets.take_elsewhere(key, count, now)
