"""The bell: whatever is said on it, and whatever fails while it is heard, the next event is heard."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from homeport.contract import DatabaseAddress
from homeport.coordination.events import Event
from homeport.coordination.store import Records
from homeport.storage.postgres import PostgresStore
from homeport.storage.postgres.locks import CHANNEL, WIRE
from tests.support import given
from tests.support.postgres import Cluster
from tests.support.waiting import eventually

pytestmark = pytest.mark.needs_postgres


def note(records: Records, subject: str) -> None:
    records.events.append(given.event(subject=subject))


async def heard_of(subject: str, heard: list[Event], within: float = 20) -> bool:
    async def was_told() -> bool:
        return any(event.subject == subject for event in heard)

    return await eventually(was_told, within=within)


@pytest.mark.parametrize("channel", [CHANNEL, WIRE])
@pytest.mark.parametrize("text", ["x", "", "-1", "²", "٣", "9" * 19, "9" * 5000])
async def test_what_any_role_may_say_on_it_keeps_nobody_from_hearing_the_next_event(
    postgres: Cluster, address: DatabaseAddress, three: list[PostgresStore], channel: str, text: str
) -> None:
    writer, listener, _ = three
    heard: list[Event] = []
    listener.listen(heard.extend)
    told: list[str] = []
    listener.wire.hear(told.append, lambda: None)
    await writer.write(partial(note, subject="before"))
    # From here on it listens.
    await heard_of("before", heard)
    say = partial(postgres.execute, "SELECT pg_notify(%s, %s)", postgres.database(address), [channel, text])
    await asyncio.to_thread(say)
    await writer.write(partial(note, subject="after"))
    await writer.wire.tell("something")
    await heard_of("after", heard)

    async def was_told() -> bool:
        return told == ["something"]

    await eventually(was_told)


async def test_what_raises_while_it_is_heard_does_not_end_it(
    three: list[PostgresStore], caplog: pytest.LogCaptureFixture
) -> None:
    writer, listener, _ = three
    heard: list[Event] = []
    listener.listen(heard.extend)
    told: list[str] = []

    def hear(text: str) -> None:
        told.append(text)
        raise LookupError("nobody foresaw this")

    listener.wire.hear(hear, lambda: None)
    await writer.write(partial(note, subject="before"))
    await heard_of("before", heard)
    await writer.wire.tell("something")

    async def was_told() -> bool:
        return told == ["something"]

    await eventually(was_told)
    await writer.write(partial(note, subject="after"))
    await heard_of("after", heard)
    assert "nobody foresaw this" in caplog.text
