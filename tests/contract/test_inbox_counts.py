"""The counts of an inbox are kept, not counted; in whatever order things happen, they are what counting finds."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from homeport.coordination.addresses import Address
from homeport.coordination.messages import InboxCounts, InboxQuery
from homeport.coordination.store import Records, Store
from homeport.coordination.values import Page
from tests.support import given

STEPS = ("read", "archive", "unread", "unarchive", "delete", "deliver", "late")


def take(records: Records, step: str, seq: int) -> None:
    """One step on bob's delivery of a message."""
    match step:
        case "read":
            records.messages.set_read("bob", seq, 1)
        case "unread":
            records.messages.set_read("bob", seq, None)
        case "archive":
            records.messages.set_archived("bob", seq, 2)
        case "unarchive":
            records.messages.set_archived("bob", seq, None)
        case "delete":
            records.messages.delete(seq)
        case "deliver":
            records.messages.deliver_backlog("bob", ("all",))
        case _:
            records.messages.deliver_backlog("late", ("all",))


def check(records: Records, trace: object) -> None:
    for reader in ("bob", "late", "ann"):
        lying = records.messages.inbox(InboxQuery(reader), Page(100))
        unread = records.messages.inbox(InboxQuery(reader, unread_only=True), Page(100))
        assert records.messages.inbox_counts(reader) == InboxCounts(len(lying), len(unread)), (reader, trace)
        numbers = [one.number for one in records.messages.arrivals(reader, 0, unread_only=False, limit=100)]
        assert len(numbers) == len(set(numbers)) == len(lying)


def play(records: Records, orders: list[tuple[str, ...]]) -> None:
    """Each order on a message of its own."""
    for number, order in enumerate(orders):
        message = given.message(f"m{number}", [Address("all")])
        seq = records.messages.add(message, ["bob"] if number % 2 else []).seq
        for step in order:
            take(records, step, seq)
            check(records, order)
        records.messages.delete(seq)


async def test_counts_are_right_after_every_step_in_every_order_of_three(store: Store) -> None:
    orders = list(product(STEPS, repeat=3))[::3]
    await store.write(lambda records: play(records, orders))


@pytest.mark.slow
@pytest.mark.parametrize("stride", [41, pytest.param(1, marks=[pytest.mark.soak, pytest.mark.timeout(0)])])
async def test_counts_are_right_after_every_step_in_orders_of_all(store: Store, stride: int) -> None:
    orders = list(permutations(STEPS))[::stride]
    await store.write(lambda records: play(records, orders))
