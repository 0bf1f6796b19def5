"""The watchdog's sign: withheld from a store that does not answer, and only from that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import anyio
import pytest

from homeport.coordination.store import Records
from homeport.errors import UnavailableError
from homeport.server.watchdog import Watchdog
from homeport.storage.memory import MemoryStore
from homeport.transports.log import Log
from tests.support.waiting import eventually

T = TypeVar("T")


class Reading(MemoryStore):
    """A memory store whose reads fail, or do not end, where it is told so."""

    def __init__(self, failure: Exception | None = None, *, hangs: bool = False) -> None:
        super().__init__()
        self.failure = failure
        self.hangs = hangs

    async def read(self, work: Callable[[Records], T]) -> T:
        if self.hangs:
            await anyio.sleep_forever()
        if self.failure is not None:
            raise self.failure
        return await super().read(work)


def watched(store: Reading, seconds: float = 0.04) -> tuple[Watchdog, list[str], list[str]]:
    beats: list[str] = []
    lines: list[str] = []
    return Watchdog(seconds, store, lambda: beats.append("beat"), Log("test", write=lines.append)), beats, lines


async def test_a_store_that_answers_is_a_sign_of_life() -> None:
    watchdog, beats, lines = watched(Reading(), 60.0)
    await watchdog.once()
    assert beats == ["beat"]
    assert not lines


@pytest.mark.parametrize("failure", [UnavailableError("The disk is full."), OSError("inside")])
async def test_a_store_that_fails_is_no_reason_to_be_restarted(failure: Exception) -> None:
    watchdog, beats, lines = watched(Reading(failure), 60.0)
    await watchdog.once()
    assert beats == ["beat"]
    assert bool(lines) == isinstance(failure, OSError)


async def test_a_store_that_does_not_answer_gets_no_sign_and_the_log_says_so() -> None:
    watchdog, beats, lines = watched(Reading(hangs=True))
    await watchdog.once()
    assert beats == []
    assert "the store does not answer" in lines[0]


async def test_a_database_on_another_server_is_not_asked_for_a_sign_of_this_one() -> None:
    beats: list[str] = []
    await Watchdog(60.0, None, lambda: beats.append("beat"), Log("test")).once()
    assert beats == ["beat"]


async def test_signs_come_again_and_again_until_it_ends() -> None:
    watchdog, beats, _ = watched(Reading())
    running = asyncio.create_task(watchdog.run())

    async def several() -> bool:
        return len(beats) >= 5

    await eventually(several)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
