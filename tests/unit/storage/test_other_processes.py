"""Several processes on one file: nothing is lost, and each hears of the others' events once and in order."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from homeport.coordination.events import Event
from homeport.storage.sqlite import SqliteStore
from homeport.storage.sqlite.writer import PIECE
from tests.support import given
from tests.support.waiting import eventually
from tests.unit.storage.conftest import question

WRITER = """
import asyncio, sys
from functools import partial
from pathlib import Path
from homeport.storage.sqlite import open_store
from tests.support import given

def work(records, name):
    records.messages.add(given.message(name, body="from far"), ["bob"])
    records.events.append(given.event(subject=name))

async def main():
    store = await open_store(Path(sys.argv[1]))
    for turn in range(10):
        names = [f"{sys.argv[2]}-{turn}-{number}" for number in range(10)]
        await asyncio.gather(*(store.write(partial(work, name=name)) for name in names))
    await store.close()

asyncio.run(main())
"""


def append(store: SqliteStore, *subjects: str) -> asyncio.Future[list[Event]]:
    return asyncio.ensure_future(
        store.write(lambda records: [records.events.append(given.event(subject=subject)) for subject in subjects])
    )


async def test_processes_that_write_at_once_lose_nothing_and_hear_each_other(
    tmp_path: Path, sqlite: SqliteStore
) -> None:
    heard: list[Event] = []
    sqlite.listen(heard.extend)
    there = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, str(tmp_path), name) for name in ("x", "y")
    ]
    for turn in range(100):
        await append(sqlite, f"here-{turn}")
    assert [await process.wait() for process in there] == [0, 0]

    async def all_heard() -> bool:
        return len(heard) >= 300

    await eventually(all_heard)
    numbers = [event.seq for event in heard]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 300
    assert await sqlite.read(lambda records: records.messages.inbox_counts("bob").total) == 200
    hits = await sqlite.read(lambda records: records.search(question("far", limit=500)))
    assert len(hits) == 200


async def test_events_of_another_store_are_heard_while_nobody_writes_here(
    sqlite: SqliteStore, other: SqliteStore
) -> None:
    heard: list[str | None] = []
    stop = sqlite.listen(lambda events: heard.extend(event.subject for event in events))
    await append(other, "one", "two")

    async def told() -> bool:
        return len(heard) == 2

    await eventually(told)
    await append(other, "three")
    # The next batch here tells of them first, although nobody has looked since.
    await append(sqlite, "four")
    assert heard == ["one", "two", "three", "four"]
    stop()
    await append(other, "five")
    await append(sqlite, "six")
    assert heard == ["one", "two", "three", "four"]


async def test_who_listens_again_hears_only_what_comes_then(sqlite: SqliteStore, other: SqliteStore) -> None:
    heard: list[str | None] = []
    sqlite.listen(lambda events: heard.extend(event.subject for event in events))()
    await append(sqlite, "before")
    await append(other, "before too")
    sqlite.listen(lambda events: heard.extend(event.subject for event in events))
    await append(other, "after")
    await append(sqlite, "last")
    assert heard == ["after", "last"]


async def test_many_events_of_another_process_are_told_before_ours(sqlite: SqliteStore, other: SqliteStore) -> None:
    heard: list[Event] = []
    sqlite.listen(heard.extend)
    await append(other, *(f"e{number}" for number in range(2 * PIECE + 1)))
    await append(sqlite, "ours")
    assert len(heard) == 2 * PIECE + 2
    assert heard[-1].subject == "ours"
    assert [event.seq for event in heard] == sorted(event.seq for event in heard)


async def test_a_listener_that_fails_takes_nobody_along(sqlite: SqliteStore) -> None:
    heard: list[Event] = []

    def failing(events: object) -> None:
        raise ZeroDivisionError

    sqlite.listen(failing)
    sqlite.listen(heard.extend)
    await append(sqlite, "one")
    assert [event.subject for event in heard] == ["one"]
