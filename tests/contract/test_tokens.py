"""What every store does with tokens."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from homeport.coordination.store import Records, Store
from homeport.coordination.tokens import Token
from tests.support.desk import START

BARE = Token("b", "Größe 🚀", "read", None, "0" * 64, START)
WHOLE = Token("a", "n", "admin", "ann", "1" * 64, START, START + 1, START + 2, START + 3)


async def test_a_token_comes_back_as_it_was_put(store: Store) -> None:
    def work(records: Records) -> None:
        for token in (BARE, WHOLE):
            records.tokens.put(token)

    await store.write(work)
    assert await store.read(lambda records: records.tokens.get("b")) == BARE
    assert await store.read(lambda records: records.tokens.get("a")) == WHOLE
    assert await store.read(lambda records: records.tokens.get("B")) is None


async def test_putting_a_token_again_replaces_it(store: Store) -> None:
    again = Token("a", "m", "write", None, "2" * 64, START + 9)
    await store.write(lambda records: records.tokens.put(WHOLE))
    await store.write(lambda records: records.tokens.put(again))
    assert await store.read(lambda records: list(records.tokens.all())) == [again]


async def test_tokens_are_listed_the_oldest_first(store: Store) -> None:
    def work(records: Records) -> None:
        for token_id, at in (("c", 1), ("b", 0), ("a", 1), ("d", -1)):
            records.tokens.put(replace(BARE, id=token_id, created_at=START + at))

    await store.write(work)
    assert await store.read(lambda records: [token.id for token in records.tokens.all()]) == ["d", "b", "a", "c"]


async def test_the_last_use_of_a_token_never_goes_back(store: Store) -> None:
    await store.write(lambda records: records.tokens.put(BARE))
    for at, expected in ((START + 5, START + 5), (START + 1, START + 5), (START + 7, START + 7)):
        await store.write(lambda records, at=at: records.tokens.touch("b", at))  # type: ignore[misc]  # bound at once
        assert await store.read(lambda records: records.tokens.get("b")) == replace(BARE, last_used_at=expected)
    await store.write(lambda records: records.tokens.touch("nobody", START))


async def test_what_is_undone_leaves_no_token(store: Store) -> None:
    def work(records: Records) -> None:
        records.tokens.put(BARE)
        raise RuntimeError

    with suppress(RuntimeError):
        await store.write(work)
    assert await store.read(lambda records: list(records.tokens.all())) == []
