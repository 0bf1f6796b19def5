"""Rows of many works are inserted together, and nobody can tell."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from functools import partial

import psycopg
import pytest

from homeport.contract import DatabaseAddress
from homeport.coordination.events import EventFilter
from homeport.coordination.messages import MessageFilter
from homeport.coordination.store import Records
from homeport.coordination.values import Page
from homeport.errors import InvalidError
from homeport.storage.postgres import PostgresStore, open_store
from homeport.storage.postgres.locks import WRITING
from homeport.storage.postgres.migrating import engine
from homeport.storage.sql.probing import count, own
from tests.support import given
from tests.support.postgres import Cluster
from tests.support.stores import IDENTITY
from tests.support.waiting import until

pytestmark = pytest.mark.needs_postgres


@pytest.fixture
async def store(address: DatabaseAddress) -> AsyncIterator[PostgresStore]:
    opened = await open_store(address, IDENTITY)
    yield opened
    await opened.close()


def setting(records: Records, name: str) -> str:
    """What a setting is in the transaction of a work."""
    [(value,)] = own(records).database.execute("SELECT current_setting(?)", (name,)).fetchall()
    return str(value)


def send(records: Records, number: int, reader: str = "bob") -> int:
    stored = records.messages.add(given.message(f"m{number}", body=f"word{number}"), [reader])
    records.events.append(given.event(subject=stored.id))
    return stored.seq


def ids(records: Records, reader: str = "bob") -> list[str]:
    found = records.messages.arrivals(reader, 0, unread_only=False, limit=1000)
    return [delivery.message.id for delivery in found]


async def test_all_works_that_wait_together_are_kept_in_their_order(store: PostgresStore) -> None:
    seqs = await asyncio.gather(*(store.write(partial(send, number=number)) for number in range(301)))
    assert seqs == sorted(seqs)
    assert await store.read(ids) == [f"m{number}" for number in range(301)]
    assert await store.read(lambda records: records.messages.inbox_counts("bob").unread) == 301


async def test_one_whose_row_is_refused_is_told_so_and_the_others_are_kept(store: PostgresStore) -> None:
    await store.write(partial(send, number=7))
    works = [partial(send, number=number) for number in (1, 2, 7, 3)]
    answers = await asyncio.gather(*map(store.write, works), return_exceptions=True)
    assert [isinstance(answer, Exception) for answer in answers] == [False, False, True, False]
    assert await store.read(ids) == ["m7", "m1", "m2", "m3"]
    subjects = await store.read(lambda records: [one.subject for one in records.events.select(EventFilter(), 0, 9)])
    assert subjects == ["m7", "m1", "m2", "m3"]


async def test_one_with_a_text_that_no_index_takes_is_told_so_at_once_and_the_others_are_kept(
    store: PostgresStore,
) -> None:
    def submit(records: Records) -> None:
        submission = given.submission("s")
        records.lessons.add(submission, [given.lesson("l", submission, type=secrets.token_hex(4000))])

    works: list[Callable[[Records], object]] = [partial(send, number=1), submit, partial(send, number=2)]
    _, refused, _ = await asyncio.gather(*map(store.write, works), return_exceptions=True)
    assert isinstance(refused, InvalidError)
    assert "longer than the database" in refused.sentence
    assert await store.read(ids) == ["m1", "m2"]


async def test_a_work_sees_what_it_and_those_before_it_stored(store: PostgresStore) -> None:
    def look(records: Records, number: int) -> tuple[object, ...]:
        assert records.messages.get(f"m{number}") is None
        send(records, number)
        which = MessageFilter()
        return (
            records.messages.get(f"m{number}") is not None,
            records.messages.inbox_counts("bob").total,
            records.messages.count(which),
            len(records.messages.select(which, Page(10))),
            records.messages.last_arrival("bob") > 0,
            records.events.last() > 0,
        )

    seen = await asyncio.gather(*(store.write(partial(look, number=number)) for number in range(3)))
    assert seen == [(True, total, total, total, True, True) for total in (1, 2, 3)]


async def test_an_answer_is_asked_for_again_once_something_was_changed(store: PostgresStore) -> None:
    def is_known(records: Records) -> bool:
        return records.instances.exists("ann")

    def register(records: Records) -> bool:
        records.instances.put(given.instance("ann"))
        return records.instances.exists("ann")

    works = (is_known, is_known, register, is_known)
    assert await asyncio.gather(*map(store.write, works)) == [False, False, True, True]


async def test_numbers_that_the_database_gives_follow_those_that_were_given_here(
    store: PostgresStore, address: DatabaseAddress
) -> None:
    """A release from before, or a person, inserts rows without a number of theirs."""
    await store.write(partial(send, number=1))

    def fail(records: Records) -> None:
        send(records, 2)
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(fail)
    last = await store.write(partial(send, number=3))

    def next_number() -> int:
        with psycopg.connect(address.url) as connection:
            [[number]] = connection.execute("SELECT nextval('messages_seq_seq')").fetchall()
            return int(number)

    assert await asyncio.to_thread(next_number) == last + 1
    assert await store.write(partial(send, number=4)) == last + 2


async def test_a_work_sees_what_was_kept_while_it_waited_whatever_isolation_the_database_has(
    postgres: Cluster, address: DatabaseAddress
) -> None:
    name = postgres.database(address)
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    store = await open_store(address, IDENTITY)
    with postgres.connect(name) as other:
        with other.transaction():
            other.execute("SELECT pg_advisory_xact_lock(%s)", [WRITING])
            waiting = asyncio.create_task(store.write(count))
            await asyncio.to_thread(until, partial(waits_for_its_turn, postgres, name))
            other.execute("UPDATE probe SET writes = 41")
        assert await waiting == 41
    await store.close()


async def test_a_migration_sees_what_was_kept_while_it_waited_whatever_isolation_the_database_has(
    postgres: Cluster, address: DatabaseAddress
) -> None:
    name = postgres.database(address)
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")

    def migrated() -> int:
        with engine(address).begin() as migration:
            return int(migration.exec_driver_sql("SELECT writes FROM probe").scalar_one())

    with postgres.connect(name) as other:
        with other.transaction():
            other.execute("SELECT pg_advisory_xact_lock(%s)", [WRITING])
            waiting = asyncio.create_task(asyncio.to_thread(migrated))
            await asyncio.to_thread(until, partial(waits_for_its_turn, postgres, name))
            other.execute("UPDATE probe SET writes = 41")
        assert await waiting == 41


@pytest.mark.parametrize(
    ("default", "used"), [("off", "on"), ("on", "on"), ("local", "local"), ("remote_apply", "remote_apply")]
)
async def test_what_is_acknowledged_is_on_the_disk_whatever_the_database_has_as_its_default(
    postgres: Cluster, address: DatabaseAddress, default: str, used: str
) -> None:
    postgres.execute(f"ALTER DATABASE {postgres.database(address)} SET synchronous_commit = '{default}'")
    store = await open_store(address, IDENTITY)
    assert await store.write(partial(setting, name="synchronous_commit")) == used
    await store.close()


def waits_for_its_turn(postgres: Cluster, database: str) -> bool:
    """Whether somebody in a database asks for the lock of those who write, and does not have it."""
    asked = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE NOT granted AND locktype = 'advisory' AND objid = %s AND datname = %s"
    )
    return bool(postgres.execute(asked, values=[WRITING, database])[0][0])
