"""Group commit: each work stands for itself, what is acknowledged is stored, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest
from pysqlite3 import dbapi2

from homeport.contract import DATABASE_FILE
from homeport.coordination.search import KINDS
from homeport.coordination.store import Records
from homeport.datalock import migrating
from homeport.errors import ConflictError, InvalidError, UnavailableError
from homeport.storage.sql.statements import join
from homeport.storage.sqlite import SqliteStore, open_store, writer
from homeport.storage.sqlite.writer import MOST_WORKS
from tests.support import given
from tests.support.waiting import eventually
from tests.unit.storage.conftest import Disk, Looks, files, question


def put(name: str) -> Callable[[Records], None]:
    return lambda records: records.instances.put(given.instance(name))


def send(name: str, body: str = "words") -> Callable[[Records], object]:
    return lambda records: records.messages.add(given.message(name, body=body), ["bob"])


async def ids(store: SqliteStore) -> list[str]:
    return await store.read(lambda records: records.instances.ids())


async def stored(store: SqliteStore, names: list[str]) -> list[str]:
    return await store.read(lambda records: [name for name in names if records.messages.get(name) is not None])


async def check(store: SqliteStore) -> None:
    """The file is sound, the index of words too, and no transaction is left open."""
    assert not store._database.in_transaction
    assert store._database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    for kind in KINDS:
        store._database.execute(join(f"INSERT INTO {kind}_words ({kind}_words)", "VALUES ('integrity-check')"))


async def test_more_works_than_a_batch_holds_are_all_done(sqlite: SqliteStore) -> None:
    names = [f"m{number:03}" for number in range(3 * MOST_WORKS + 1)]
    await asyncio.gather(*(sqlite.write(send(name)) for name in names))
    assert await stored(sqlite, names) == names
    assert await sqlite.read(lambda records: records.messages.inbox_counts("bob").total) == len(names)
    await check(sqlite)


async def test_a_failing_work_in_a_batch_takes_its_words_and_events_back(sqlite: SqliteStore) -> None:
    heard: list[str | None] = []
    sqlite.listen(lambda events: heard.extend(event.subject for event in events))

    def work(records: Records, name: str) -> None:
        records.messages.add(given.message(name, body="findable"), ["bob"])
        records.events.append(given.event(subject=name))
        if name == "bad":
            # Finds itself, so that its words, and those of the works before it, are in the index when it fails.
            assert [hit.id for hit in records.search(question("findable"))] == ["bad", "first"]
            raise ConflictError("No.")

    works = [sqlite.write(partial(work, name=name)) for name in ("first", "bad", "last")]
    answers = await asyncio.gather(*works, return_exceptions=True)
    assert [type(answer) for answer in answers] == [type(None), ConflictError, type(None)]
    hits = await sqlite.read(lambda records: records.search(question("findable")))
    assert [hit.id for hit in hits] == ["last", "first"]
    assert heard == ["first", "last"]
    await check(sqlite)


@pytest.mark.parametrize(("writes_first", "runs"), [(False, 1), (True, 2)])
async def test_works_run_again_only_where_a_failure_has_left_something(
    sqlite: SqliteStore, writes_first: bool, runs: int
) -> None:
    ran: list[str] = []

    def work(records: Records, name: str) -> None:
        ran.append(name)
        if name != "bad" or writes_first:
            put(name)(records)
        if name == "bad":
            raise ConflictError("No.")

    names = ("a", "bad", "b")
    await asyncio.gather(*(sqlite.write(partial(work, name=name)) for name in names), return_exceptions=True)
    assert [ran.count(name) for name in names] == [runs, runs, 1]
    assert await ids(sqlite) == ["a", "b"]


async def test_a_cancelled_caller_does_not_break_the_batch(sqlite: SqliteStore) -> None:
    early = asyncio.create_task(sqlite.write(put("early")))
    others = [asyncio.create_task(sqlite.write(put(name))) for name in ("a", "b")]
    await asyncio.sleep(0)
    early.cancel()
    await asyncio.gather(*others)
    with pytest.raises(asyncio.CancelledError):
        await early
    await sqlite.write(put("c"))
    # It was cancelled before its turn, or in it: then it is stored, though nobody was told.
    assert [name for name in await ids(sqlite) if name != "early"] == ["a", "b", "c"]
    await check(sqlite)


async def test_who_is_cancelled_while_the_disk_works_is_stored_all_the_same(sqlite: SqliteStore) -> None:
    began = asyncio.Event()

    def work(records: Records) -> None:
        put("ann")(records)
        began.set()

    task = asyncio.create_task(sqlite.write(work))
    await began.wait()
    task.cancel()
    await sqlite.write(put("bob"))
    assert await ids(sqlite) == ["ann", "bob"]


async def test_a_disk_that_fills_in_a_work_refuses_that_work_and_recovers(sqlite: SqliteStore) -> None:
    [(pages,)] = sqlite._database.execute("PRAGMA page_count").fetchall()
    sqlite._database.execute(f"PRAGMA max_page_count = {pages + 20}")
    works = [sqlite.write(send(name, body)) for name, body in (("a", "x"), ("b", "x" * 200_000), ("c", "x"))]
    first, big, last = await asyncio.gather(*works, return_exceptions=True)
    assert isinstance(big, UnavailableError)
    assert "the disk is full" in big.sentence
    assert not isinstance(first, BaseException)
    assert not isinstance(last, BaseException)
    assert await stored(sqlite, ["a", "b", "c"]) == ["a", "c"]
    sqlite._database.execute("PRAGMA max_page_count = 1000000")
    await sqlite.write(send("b", "x" * 200_000))
    assert await stored(sqlite, ["a", "b", "c"]) == ["a", "b", "c"]
    await check(sqlite)


async def test_a_disk_that_is_full_at_the_commit_acknowledges_nothing_and_recovers(disk: Disk) -> None:
    store = await open_store(disk.at)
    heard: list[object] = []
    store.listen(heard.extend)

    def write(name: str) -> asyncio.Future[object]:
        def work(records: Records) -> None:
            # Less than the cache holds: the disk is asked at the commit.
            send(name, "x" * 200_000)(records)
            records.events.append(given.event(subject=name))

        return asyncio.ensure_future(store.write(work))

    acknowledged: list[str] = []
    refused: list[UnavailableError] = []
    for turn in range(30):
        names = [f"{turn}-{number}" for number in range(4)]
        answers = await asyncio.gather(*map(write, names), return_exceptions=True)
        acknowledged += [name for name, answer in zip(names, answers, strict=True) if answer is None]
        refused += [answer for answer in answers if isinstance(answer, UnavailableError)]
        assert all(answer is None or isinstance(answer, UnavailableError) for answer in answers)
    assert acknowledged
    assert refused
    assert all("the disk is full" in error.sentence and str(disk.at) in error.sentence for error in refused)
    every = [f"{turn}-{number}" for turn in range(30) for number in range(4)]
    assert await stored(store, every) == acknowledged
    assert len(heard) == len(acknowledged)
    disk.remount("size=64m")
    await store.probe()
    await asyncio.gather(write("after"), write("that"))
    assert await stored(store, ["after", "that"]) == ["after", "that"]
    await check(store)
    await store.close()


async def test_a_disk_that_becomes_read_only_is_named_and_reads_go_on(disk: Disk) -> None:
    store = await open_store(disk.at)
    await store.write(put("ann"))
    store._database.execute("PRAGMA query_only = ON")
    with pytest.raises(UnavailableError, match="is read-only"):
        await store.write(put("bob"))
    with pytest.raises(UnavailableError, match="is read-only"):
        await store.probe()
    assert await ids(store) == ["ann"]
    store._database.execute("PRAGMA query_only = OFF")
    await store.write(put("bob"))
    assert await ids(store) == ["ann", "bob"]
    await store.close()


async def test_a_writer_waits_for_another_process_while_reads_are_answered(tmp_path: Path, sqlite: SqliteStore) -> None:
    another = dbapi2.connect(str(tmp_path / DATABASE_FILE), isolation_level=None)
    another.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(sqlite.write(put("ann")))
    for _ in range(20):
        assert await ids(sqlite) == []
        await asyncio.sleep(0)
    assert not waiting.done()
    another.execute("COMMIT")
    another.close()
    await waiting
    assert await ids(sqlite) == ["ann"]


async def test_who_waits_too_long_for_another_process_is_told_so(tmp_path: Path, sqlite: SqliteStore) -> None:
    another = dbapi2.connect(str(tmp_path / DATABASE_FILE), isolation_level=None)
    another.execute("BEGIN IMMEDIATE")
    sqlite._writer.longest_wait = 0.05
    answers = await asyncio.gather(sqlite.write(put("a")), sqlite.write(put("b")), return_exceptions=True)
    for answer in answers:
        assert isinstance(answer, UnavailableError)
        assert "in use by another process" in answer.sentence
    another.execute("ROLLBACK")
    another.close()
    await sqlite.write(put("c"))
    assert await ids(sqlite) == ["c"]


async def test_for_a_migration_a_writer_waits_until_it_has_ended(
    tmp_path: Path, sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks()
    monkeypatch.setattr(writer, "is_migrating", looks)
    another = dbapi2.connect(str(tmp_path / DATABASE_FILE), isolation_level=None)
    sqlite._writer.longest_wait = 0.02
    with migrating(tmp_path):
        another.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(sqlite.write(put("ann")))
        await eventually(lambda: looks.were(3))
        assert not waiting.done()
        assert await ids(sqlite) == []
        another.execute("COMMIT")
    another.close()
    await waiting
    assert await ids(sqlite) == ["ann"]


async def test_where_what_migrates_is_gone_and_somebody_else_is_in_the_way_a_writer_is_told_so(
    tmp_path: Path, sqlite: SqliteStore
) -> None:
    another = dbapi2.connect(str(tmp_path / DATABASE_FILE), isolation_level=None)
    another.execute("BEGIN IMMEDIATE")
    sqlite._writer.longest_wait = 0.05
    with migrating(tmp_path):
        waiting = asyncio.create_task(sqlite.write(put("ann")))
        await asyncio.sleep(0)
    with pytest.raises(UnavailableError, match="in use by another process"):
        await waiting
    another.close()


async def test_numbers_and_texts_that_sqlite_cannot_keep_are_refused(sqlite: SqliteStore) -> None:
    with pytest.raises(InvalidError, match="over 64 bits"):
        await sqlite.write(lambda records: records.instances.put(given.instance("a", sessions=2**70)))
    with pytest.raises(InvalidError, match="not valid Unicode"):
        await sqlite.write(put("\ud800"))
    with pytest.raises(InvalidError, match="not valid Unicode"):
        await sqlite.read(lambda records: records.instances.get("\ud800"))
    assert await ids(sqlite) == []


async def test_a_fault_of_the_domain_is_seen_as_it_is(sqlite: SqliteStore) -> None:
    await sqlite.write(send("same"))
    with pytest.raises(dbapi2.IntegrityError):
        await sqlite.write(send("same"))

    def stop(records: Records) -> NoReturn:
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        await sqlite.write(stop)
    await check(sqlite)


async def test_probes_at_the_same_time_do_not_mistake_each_other(sqlite: SqliteStore, other: SqliteStore) -> None:
    await asyncio.gather(*(store.probe() for store in (sqlite, other) * 20))


async def test_closing_finishes_what_was_begun_and_refuses_what_comes(tmp_path: Path) -> None:
    store = await open_store(tmp_path)
    writes = [asyncio.create_task(store.write(put(f"i{number}"))) for number in range(100)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*writes)
    for refused in (store.write(put("late")), ids(store)):
        with pytest.raises(UnavailableError, match="is closed"):
            await refused
    assert files(tmp_path) == [DATABASE_FILE]
    store = await open_store(tmp_path)
    assert len(await ids(store)) == 100
    await store.close()


async def test_the_log_does_not_grow_without_end(tmp_path: Path, sqlite: SqliteStore) -> None:
    for turn in range(40):
        await asyncio.gather(*(sqlite.write(send(f"{turn}-{number}", "x" * 20_000)) for number in range(16)))
    log = tmp_path / f"{DATABASE_FILE}-wal"

    async def short() -> bool:
        return log.stat().st_size < 24_000_000

    assert await eventually(short)
