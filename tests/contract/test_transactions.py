"""What every store promises of reading, writing, listening and closing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

import pytest

from homeport.coordination.addresses import Address
from homeport.coordination.events import Event, EventFilter
from homeport.coordination.idempotency import Answer
from homeport.coordination.messages import InboxCounts, MessageFilter
from homeport.coordination.originals import Original
from homeport.coordination.roles import Role, RoleDocument
from homeport.coordination.store import Records, Store
from homeport.coordination.values import Page
from homeport.errors import ConflictError, UnavailableError
from tests.support import given
from tests.support.desk import START
from tests.support.waiting import eventually


def everything(records: Records, name: str) -> None:
    """Writes one of everything."""
    records.instances.put(given.instance(name))
    records.projects.put(given.project(name))
    records.projects.add_member(name, name, START)
    records.tasks.add(given.task(name, project_id=name))
    records.messages.add(given.message(name, [Address("all"), name]), [name])
    of = given.submission(name, project_id=name)
    records.lessons.add(of, [given.lesson(name, of)])
    records.roles.put(Role(name, {}))
    records.roles.put_document(RoleDocument(name, "doc", ""))
    records.events.append(given.event(subject=name))
    records.answers.put(Answer("op", name, "", {}, START))
    records.originals.put(Original("task", name, name, 0, ""))


def present(records: Records, name: str) -> set[bool]:
    """For each of everything whether it is there."""
    return {
        records.instances.exists(name),
        records.projects.get(name) is not None,
        records.projects.members(name) == [name],
        records.tasks.get(name, name) is not None,
        records.messages.get(name) is not None,
        records.messages.inbox_counts(name) == InboxCounts(1, 1),
        records.messages.last_arrival(name) > 0,
        records.messages.count(MessageFilter(channel=f"instance:{name}")) == 1,
        records.lessons.submission(name) is not None,
        records.lessons.has_project(name),
        records.roles.get(name) is not None,
        bool(records.roles.documents(name)),
        bool(records.events.select(EventFilter(subject=name), 0, 9)),
        records.answers.get("op", name) is not None,
        records.originals.get("task", name) is not None,
    }


async def test_work_that_fails_leaves_nothing_of_itself(store: Store) -> None:
    def failing(records: Records) -> NoReturn:
        everything(records, "bad")
        assert present(records, "bad") == {True}
        raise ConflictError("Not this time.", holder="ann")

    await store.write(lambda records: everything(records, "good"))
    with pytest.raises(ConflictError, match="Not this time") as refusal:
        await store.write(failing)
    assert refusal.value.details == {"holder": "ann"}
    assert await store.read(lambda records: present(records, "bad")) == {False}
    assert await store.read(lambda records: present(records, "good")) == {True}
    await store.write(lambda records: everything(records, "bad"))
    assert await store.read(lambda records: present(records, "bad")) == {True}


async def test_any_exception_undoes_the_work_and_is_the_callers(store: Store) -> None:
    def failing(records: Records) -> NoReturn:
        everything(records, "bad")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.write(failing)
    assert await store.read(lambda records: present(records, "bad")) == {False}


async def test_failing_work_does_not_take_its_neighbours_along(store: Store) -> None:
    def work(records: Records, name: str) -> str:
        everything(records, name)
        if name.endswith(("3", "6")):
            raise ConflictError(name)
        return name

    names = [f"n{number}" for number in range(10)]
    answers = await asyncio.gather(
        *(store.write(lambda records, name=name: work(records, name)) for name in names),  # type: ignore[misc]
        return_exceptions=True,
    )
    for name, answer in zip(names, answers, strict=True):
        fails = name in ("n3", "n6")
        assert str(answer) == name
        assert isinstance(answer, ConflictError) is fails
        found = await store.read(partial(present, name=name))
        assert found == {not fails}


async def test_concurrent_writes_lose_nothing(store: Store) -> None:
    def add(records: Records) -> int:
        known = records.instances.get("counter")
        count = 1 if known is None else known.sessions + 1
        records.instances.put(given.instance("counter", sessions=count))
        return count

    counts = await asyncio.gather(*(store.write(add) for _ in range(50)))
    assert sorted(counts) == list(range(1, 51))


async def test_what_was_written_is_read_at_once_also_by_a_scan(store: Store) -> None:
    for number in range(20):
        name = f"i{number}"
        await store.write(partial(everything, name=name))
        ask = store.scan if number % 2 else store.read
        assert await ask(partial(present, name=name)) == {True}


async def test_an_error_of_a_read_is_the_callers_and_ends_nothing(store: Store) -> None:
    def failing(records: Records) -> NoReturn:
        raise ConflictError(f"position {records.events.last()}")

    for ask in (store.read, store.scan):
        with pytest.raises(ConflictError, match="position 0"):
            await ask(failing)
    assert await store.read(lambda records: records.events.last()) == 0


async def test_a_read_cannot_write(store: Store) -> None:
    for ask in (store.read, store.scan):
        with pytest.raises(Exception, match=r"(?i)read.?only|does not support item assignment"):
            await ask(lambda records: records.instances.put(given.instance("ann")))
    assert await store.read(lambda records: records.instances.ids()) == []


async def test_listeners_hear_exactly_what_was_committed_in_order(store: Store) -> None:
    heard: list[Event] = []
    loops: set[object] = set()

    def listener(events: Sequence[Event]) -> None:
        loops.add(asyncio.get_running_loop())
        assert events
        heard.extend(events)

    def work(records: Records, number: int) -> None:
        records.events.append(given.event("a.begun", subject=str(number), audience=("x",), data={"n": number}))
        records.events.append(given.event("a.done", subject=str(number)))
        if number % 5 == 3:
            raise ConflictError("undone")

    stop = store.listen(listener)
    await asyncio.gather(
        *(store.write(partial(work, number=n)) for n in range(40)),
        return_exceptions=True,
    )
    stored = await store.read(lambda records: records.events.select(EventFilter(), 0, 1000))

    async def all_heard() -> bool:
        return len(heard) >= len(stored)

    await eventually(all_heard)
    assert heard == list(stored)
    assert len(stored) == 2 * 32
    seqs = [event.seq for event in heard]
    assert seqs == sorted(set(seqs))
    assert loops == {asyncio.get_running_loop()}
    stop()
    stop()
    await store.write(lambda records: work(records, 0))
    await store.read(lambda records: records.events.last())
    assert len(heard) == len(stored)


async def test_a_number_that_was_visible_is_never_given_again(store: Store) -> None:
    def failing(records: Records) -> NoReturn:
        records.events.append(given.event())
        raise ConflictError("undone")

    seen = 0
    for _ in range(5):
        with pytest.raises(ConflictError):
            await store.write(failing)
        event = await store.write(lambda records: records.events.append(given.event()))
        assert event.seq > seen
        seen = event.seq
        assert await store.read(lambda records: records.events.last()) == seen


async def test_a_write_without_events_rings_for_nobody(store: Store) -> None:
    heard: list[Event] = []
    store.listen(heard.extend)
    await store.write(lambda records: records.instances.put(given.instance("ann")))
    await store.write(lambda records: records.events.append(given.event()))

    async def one_heard() -> bool:
        return bool(heard)

    await eventually(one_heard)
    assert len(heard) == 1


async def test_a_probe_proves_that_writing_works_and_leaves_no_trace(store: Store) -> None:
    heard: list[Event] = []
    store.listen(heard.extend)
    await store.probe()
    await store.probe()
    assert heard == []
    assert await store.read(lambda records: records.events.last()) == 0
    assert isinstance(store.schema_version, str)
    assert store.schema_version


async def test_a_closed_store_says_so(store: Store) -> None:
    await store.write(lambda records: records.instances.put(given.instance("ann")))
    await store.close()
    await store.close()
    for ask in (store.read, store.scan, store.write):
        with pytest.raises(UnavailableError):
            await ask(lambda records: records.instances.ids())
    with pytest.raises(UnavailableError):
        await store.probe()


async def test_closing_lets_what_is_under_way_finish(store: Store) -> None:
    writes = [asyncio.ensure_future(store.write(partial(everything, name=f"i{n}"))) for n in range(20)]
    await asyncio.wait(writes, return_when=asyncio.FIRST_COMPLETED)
    await store.close()
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert all(answer is None or isinstance(answer, UnavailableError) for answer in answers)
    assert answers[0] is None


async def test_a_page_of_everything_is_consistent_while_others_write(store: Store) -> None:
    """A reader sees both halves of a transaction or neither."""

    def pair(records: Records, number: int) -> None:
        records.instances.put(given.instance(f"i{number}"))
        records.projects.put(given.project(f"p{number}"))

    def look(records: Records) -> None:
        numbers = {one.removeprefix("i") for one in records.instances.ids()}
        assert numbers == {one.removeprefix("p") for one in records.projects.ids()}

    writes = (store.write(partial(pair, number=n)) for n in range(30))
    await asyncio.gather(*writes, *(store.read(look) for _ in range(30)), *(store.scan(look) for _ in range(5)))
    assert await store.read(lambda records: len(records.messages.select(MessageFilter(), Page()))) == 0
