"""The index of words stays in few pieces, without anybody waiting long for that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from homeport.coordination.store import Records
from homeport.errors import UnavailableError
from homeport.storage.sqlite import SqliteStore, merging
from homeport.storage.sqlite.database import DatabaseError
from homeport.storage.sqlite.merging import PIECES, sizes
from tests.support import given
from tests.unit.storage.conftest import question

T = TypeVar("T")
TEXT = " ".join(f"word{number}" for number in range(300))


def send(store: SqliteStore, number: int, body: str = TEXT) -> Callable[[Records], object]:
    return lambda records: records.messages.add(given.message(f"m{number}", ["ada"], body=body), ["ada"])


async def grown(store: SqliteStore, first: int, count: int) -> None:
    """So many commits, of which each adds a piece."""
    for number in range(first, first + count):
        await store.write(send(store, number))


async def pieces(store: SqliteStore) -> list[int]:
    return await store.read(lambda _: sizes(store._readers.short.database, "message"))


async def tidied(store: SqliteStore) -> int:
    """The steps that it took."""
    steps = 0
    while await store.tidy():
        steps += 1
        assert steps < 1000
    return steps


async def found(store: SqliteStore, text: str) -> list[str]:
    hits = await store.read(lambda records: records.search(question(text, limit=500)))
    return [hit.id for hit in hits]


async def test_many_pieces_become_one_and_nothing_is_lost(sqlite: SqliteStore) -> None:
    await grown(sqlite, 0, 47)
    assert len(await pieces(sqlite)) >= PIECES
    before = await found(sqlite, "word7 word250")
    assert await tidied(sqlite) > 0
    assert len(await pieces(sqlite)) == 1
    assert await found(sqlite, "word7 word250") == before == [f"m{number}" for number in reversed(range(47))]
    sqlite._database.execute("INSERT INTO message_words (message_words) VALUES ('integrity-check')").fetchall()
    assert await tidied(sqlite) == 0


async def test_an_index_that_grew_little_is_left_alone(sqlite: SqliteStore) -> None:
    await grown(sqlite, 0, 60)
    await tidied(sqlite)
    large = await pieces(sqlite)
    for number in range(100, 100 + PIECES):
        await sqlite.write(send(sqlite, number, body="few"))
    assert len(await pieces(sqlite)) > 1
    assert await tidied(sqlite) == 0
    assert (await pieces(sqlite))[0] == large[0]


async def test_messages_that_are_sent_meanwhile_are_found_too(
    sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "PAGES", 1)
    await grown(sqlite, 0, 47)
    number = 1000
    while await sqlite.tidy():
        await sqlite.write(send(sqlite, number))
        number += 1
        assert number < 2000
    assert number >= 1002
    await tidied(sqlite)
    wanted = [f"m{one}" for one in (*reversed(range(1000, number)), *reversed(range(47)))]
    assert await found(sqlite, "word7") == wanted[:500]
    assert len(await pieces(sqlite)) < PIECES


async def test_a_step_waits_for_nobody_and_others_get_in_between(sqlite: SqliteStore) -> None:
    await grown(sqlite, 0, 47)
    assert await sqlite.tidy()
    tidying = asyncio.create_task(tidied(sqlite))
    sent = [asyncio.create_task(sqlite.write(send(sqlite, 500 + number))) for number in range(20)]
    await asyncio.gather(*sent)
    await tidying
    assert len(await found(sqlite, "word7")) == 67


async def test_a_step_that_fails_fails_alone(sqlite: SqliteStore) -> None:
    def broken() -> bool:
        sqlite._database.execute("UPDATE probe SET writes = writes + 1")
        raise DatabaseError("disk I/O error")

    probes = sqlite._database.execute("SELECT writes FROM probe").fetchall()
    failing = asyncio.create_task(sqlite._writer.tidy(broken))
    await grown(sqlite, 0, 3)
    with pytest.raises(DatabaseError, match="disk I/O error"):
        await failing
    assert len(await found(sqlite, "word7")) == 3
    assert sqlite._database.execute("SELECT writes FROM probe").fetchall() == probes


async def test_a_closed_store_is_not_tidied(sqlite: SqliteStore) -> None:
    await grown(sqlite, 0, 47)
    tidying = asyncio.create_task(sqlite.tidy())
    await asyncio.sleep(0)
    await sqlite.close()
    await asyncio.wait([tidying])
    with pytest.raises(UnavailableError):
        await sqlite.tidy()
