"""What every store does with what sessions watch."""

from __future__ import annotations

import pytest

from homeport.coordination import watches
from homeport.coordination.store import Records, Store
from homeport.errors import LimitedError
from tests.support.desk import START


async def watched(store: Store, session: str) -> list[str]:
    return await store.read(lambda records: records.watches.of(session))


async def keep(store: Store, *kept: tuple[str, str, str, int]) -> None:
    def work(records: Records) -> None:
        for client, session, uri, at in kept:
            watches.keep(records, client, session, uri, START + at)

    await store.write(work)


async def test_what_a_session_watches_is_kept_once_and_given_back_in_order(store: Store) -> None:
    await keep(store, ("c", "s", "b", 0), ("c", "s", "a", 0), ("c", "s", "b", 1), ("c", "t", "Größe/🚀", 0))
    assert await watched(store, "s") == ["a", "b"]
    assert await watched(store, "t") == ["Größe/🚀"]
    assert await watched(store, "S") == []
    assert await store.read(lambda records: records.watches.count("c")) == 3
    await store.write(lambda records: records.watches.delete("s", "a"))
    await store.write(lambda records: records.watches.delete("s", "never there"))
    assert await watched(store, "s") == ["b"]


async def test_a_session_that_is_dropped_leaves_the_others(store: Store) -> None:
    await keep(store, ("c", "s", "a", 0), ("c", "s", "b", 0), ("c", "t", "a", 0))
    await store.write(lambda records: records.watches.drop("s"))
    assert (await watched(store, "s"), await watched(store, "t")) == ([], ["a"])


async def test_sessions_that_are_seen_are_kept_and_the_others_forgotten_a_day_later(store: Store) -> None:
    await keep(store, ("c", "gone", "a", 0), ("c", "there", "a", 0))
    await store.write(lambda records: watches.seen(records, ["there", "nowhere"], START + 5))
    await store.write(lambda records: watches.seen(records, ["there"], START + 1))
    await store.write(lambda records: watches.forget(records, START + watches.KEPT - 1))
    assert (await watched(store, "gone"), await watched(store, "there")) == (["a"], ["a"])
    await store.write(lambda records: watches.forget(records, START + watches.KEPT))
    assert (await watched(store, "gone"), await watched(store, "there")) == ([], ["a"])
    await store.write(lambda records: watches.forget(records, START + watches.KEPT + 5))
    assert await watched(store, "there") == []


async def test_one_client_keeps_so_many_and_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "MAX_KEPT", 2)
    await keep(store, ("c", "s", "a", 0), ("c", "t", "a", 0))
    with pytest.raises(LimitedError, match="as many as they may"):
        await keep(store, ("c", "u", "a", 0))
    await keep(store, ("another", "u", "a", 0))


def test_a_session_is_kept_under_a_name_that_tells_neither_its_id_nor_whose_it_is() -> None:
    names = {watches.name_of(*one) for one in (("t", b"abc"), ("", b"abc"), ("ta", b"bc"), ("t\0a", b"bc"))}
    assert len(names) == 4
    assert all(len(name) == 64 for name in names)
