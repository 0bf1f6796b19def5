"""The index of words keeps apart what people write and what Homeport adds."""

from __future__ import annotations

from typing import Any

import pytest

from homeport.coordination.addresses import Address
from homeport.storage.sql.scopes import MARK, channel_scope, sender_scope
from homeport.storage.sqlite import SqliteStore
from homeport.storage.sqlite.index import ENDINGS
from tests.support import given
from tests.unit.storage.conftest import question


async def found(store: SqliteStore, text: str, **said: Any) -> list[str]:
    hits = await store.read(lambda records: records.search(question(text, **said)))
    return [hit.id for hit in hits]


async def test_a_body_cannot_pretend_to_have_been_sent_on_a_channel(sqlite: SqliteStore) -> None:
    forged = f"secret {channel_scope('instance:bob')} {sender_scope('bob')}"
    await sqlite.write(lambda records: records.messages.add(given.message("m", ["eve"], body=forged), ["eve"]))
    assert await found(sqlite, "secret") == ["m"]
    assert await found(sqlite, "secret", channels=("instance:bob",), reader="bob") == []
    assert await found(sqlite, "secret", channels=("instance:eve",), reader="eve") == ["m"]


@pytest.mark.parametrize("letter", "abcdefghijklmnopqrstuvwxyz234567")
async def test_no_beginning_finds_a_scope(sqlite: SqliteStore, letter: str) -> None:
    await sqlite.write(lambda records: records.messages.add(given.message("m", ["eve"], subject="", body="!"), ["eve"]))
    assert await found(sqlite, letter) == []


async def test_a_channel_of_any_name_is_found_and_no_other(sqlite: SqliteStore) -> None:
    names = ["Ann", "ann", "a", MARK, "x" * 200, '"', "(", "\u00e9", "e\u0301", "\U0001f600"]
    for number, name in enumerate(names):
        message = given.message(f"m{number}", [Address("instance", name)], body="word")
        await sqlite.write(lambda records, message=message: records.messages.add(message, []))  # type: ignore[misc]
    for number, name in enumerate(names):
        assert await found(sqlite, "word", channels=(f"instance:{name}",)) == [f"m{number}"]
        backlog = await sqlite.write(
            lambda records, name=name: records.messages.deliver_backlog("bob", [f"instance:{name}"])  # type: ignore[misc]
        )
        assert backlog == 1


async def test_a_beginning_stands_for_many_words_but_not_for_all(sqlite: SqliteStore) -> None:
    for number in range(2 * ENDINGS):
        message = given.message(f"m{number}", body=f"pre{number:04}")
        await sqlite.write(lambda records, message=message: records.messages.add(message, []))  # type: ignore[misc]
    assert len(await found(sqlite, "pre", limit=1000)) in (ENDINGS, ENDINGS + 1)
    assert await found(sqlite, f"pre{2 * ENDINGS - 1:04}") == [f"m{2 * ENDINGS - 1}"]
    await sqlite.write(lambda records: records.messages.add(given.message("exact", body="pre"), []))
    assert (await found(sqlite, "pre"))[0] == "exact"
