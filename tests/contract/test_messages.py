"""What every store does with messages and their deliveries."""

from __future__ import annotations

from dataclasses import replace

from homeport.coordination.addresses import Address
from homeport.coordination.messages import InboxCounts, InboxQuery, MessageFilter
from homeport.coordination.store import Records, Store
from homeport.coordination.values import Page, from_iso
from tests.support import given


async def test_a_message_comes_back_as_it_was_added_with_its_number(store: Store) -> None:
    whole = given.message(
        "m",
        [Address("role", "COO"), Address("project", "Px"), Address("all"), Address("name", "Éva"), "bob"],
        subject="Grüße 🚀",
        body='日本語\n"quoted" OR NEAR(\x00)',
        priority="urgent",
        thread_id="thread",
        reply_to="earlier",
        tags=("b", "a"),
        metadata={"k": [None, {"x": 1.25}]},
        parts=[{"type": "text", "text": "日本語"}, "x"],
    )

    def work(records: Records) -> None:
        stored = records.messages.add(whole, ["bob"])
        assert stored.seq > 0
        assert stored == replace(whole, seq=stored.seq)
        assert records.messages.get("m") == stored
        assert records.messages.add(given.message("n"), []).seq > stored.seq

    await store.write(work)
    found = await store.read(lambda records: records.messages.get("m"))
    assert found is not None
    assert replace(found, seq=0) == whole
    assert await store.read(lambda records: records.messages.get("M")) is None


async def test_every_recipient_has_one_delivery_in_its_own_state(store: Store) -> None:
    def work(records: Records) -> int:
        seq = records.messages.add(given.message("m"), ["carl", "bob", "carl"]).seq
        records.messages.set_read("bob", seq, 5)
        records.messages.set_archived("bob", seq, 6)
        return seq

    seq = await store.write(work)

    def look(records: Records) -> None:
        found = records.messages.deliveries(seq)
        assert [(one.reader, one.read_at, one.archived_at) for one in found] == [("bob", 5, 6), ("carl", None, None)]
        assert {one.message.id for one in found} == {"m"}
        assert len(records.messages.deliveries(seq, limit=1)) == 1
        assert records.messages.delivery("bob", seq) == found[0]
        assert records.messages.delivery("eve", seq) is None
        assert records.messages.delivery("bob", seq + 1) is None

    await store.read(look)
    await store.write(lambda records: records.messages.set_read("bob", seq, None))
    await store.write(lambda records: records.messages.set_archived("bob", seq, None))
    back = await store.read(lambda records: records.messages.delivery("bob", seq))
    assert back is not None
    assert (back.read_at, back.archived_at) == (None, None)


async def test_the_backlog_of_its_channels_is_delivered_exactly_once(store: Store) -> None:
    def send(records: Records) -> None:
        records.messages.add(given.message("to-all", [Address("all")]), [])
        records.messages.add(given.message("to-role", [Address("role", "COO"), Address("all")]), [])
        records.messages.add(given.message("to-project", [Address("project", "P")]), [])
        records.messages.add(given.message("own", [Address("all")], sender="bob"), [])
        records.messages.add(given.message("had", [Address("all"), "bob"]), ["bob"])
        records.messages.add(given.message("other", [Address("role", "cook"), Address("project", "p")]), [])

    await store.write(send)
    channels = ("role:coo", "all", "project:P")
    had = await store.read(lambda records: records.messages.last_arrival("bob"))
    assert await store.write(lambda records: records.messages.deliver_backlog("bob", channels)) == 3
    assert await store.write(lambda records: records.messages.deliver_backlog("bob", channels)) == 0
    assert await store.write(lambda records: records.messages.deliver_backlog("bob", ())) == 0

    def look(records: Records) -> None:
        new = records.messages.arrivals("bob", had, unread_only=True, limit=10)
        assert [one.message.id for one in new] == ["to-all", "to-role", "to-project"]
        assert records.messages.inbox_counts("bob") == InboxCounts(4, 4)

    await store.read(look)


async def test_what_was_archived_or_deleted_does_not_come_back_with_the_backlog(store: Store) -> None:
    def work(records: Records) -> None:
        kept = records.messages.add(given.message("kept", [Address("all")]), ["bob"])
        gone = records.messages.add(given.message("gone", [Address("all")]), ["bob"])
        records.messages.set_archived("bob", kept.seq, 1)
        records.messages.delete(gone.seq)
        assert records.messages.deliver_backlog("bob", ("all",)) == 0
        assert records.messages.deliver_backlog("late", ("all",)) == 1

    await store.write(work)


async def test_an_inbox_is_newest_first_filtered_and_continues(store: Store) -> None:
    def work(records: Records) -> list[int]:
        seqs = []
        for number in range(6):
            message = given.message(f"m{number}", tags=(f"t{number % 2}", "all"), sender=f"s{number % 3}")
            seqs.append(records.messages.add(message, ["bob", "eve"]).seq)
        records.messages.set_read("bob", seqs[1], 1)
        records.messages.set_read("bob", seqs[2], 1)
        records.messages.set_archived("bob", seqs[2], from_iso("2025-11-30T23:59:59.999Z"))
        records.messages.set_archived("bob", seqs[3], from_iso("2025-12-01T00:00:00Z"))
        return seqs

    seqs = await store.write(work)
    wanted = [
        (InboxQuery("bob"), Page(), ["m5", "m4", "m1", "m0"]),
        (InboxQuery("bob"), Page(2), ["m5", "m4"]),
        (InboxQuery("bob"), Page(2, (seqs[4],)), ["m1", "m0"]),
        (InboxQuery("bob", unread_only=True), Page(), ["m5", "m4", "m0"]),
        (InboxQuery("bob", read_only=True), Page(), ["m1"]),
        (InboxQuery("bob", unread_only=True, read_only=True), Page(), []),
        (InboxQuery("bob", archived=True), Page(), ["m3", "m2"]),
        (InboxQuery("bob", archived=True), Page(1, (seqs[3],)), ["m2"]),
        (InboxQuery("bob", archived=True, archived_month="2025-11"), Page(), ["m2"]),
        (InboxQuery("bob", archived=True, archived_month="2025-12"), Page(), ["m3"]),
        (InboxQuery("bob", archived=True, archived_month="2026-01"), Page(), []),
        (InboxQuery("bob", filter=MessageFilter(sender="s1")), Page(), ["m4", "m1"]),
        (InboxQuery("bob", unread_only=True, filter=MessageFilter(tags=("t1", "x"))), Page(), ["m5"]),
        (InboxQuery("bob", filter=MessageFilter(tags=("t0", "all"))), Page(), ["m5", "m4", "m1", "m0"]),
        (InboxQuery("nobody"), Page(), []),
        (InboxQuery("Bob"), Page(), []),
    ]

    def look(records: Records) -> None:
        for query, page, ids in wanted:
            assert [one.message.id for one in records.messages.inbox(query, page)] == ids, query
            assert {one.reader for one in records.messages.inbox(query, page)} <= {query.reader}

    await store.read(look)


async def test_messages_are_newest_first_filtered_and_counted(store: Store) -> None:
    def work(records: Records) -> list[int]:
        sent = (
            given.message("m0", [Address("role", "COO"), Address("all")], tags=("x", "y")),
            given.message("m1", [Address("all"), "bob"], sender="eve", type="status"),
            given.message("m2", ["bob"], priority="urgent", thread_id="m0"),
            given.message("m3", [Address("project", "p")], status="draft", tags=("x",)),
        )
        return [records.messages.add(one, ["bob", "eve"]).seq for one in sent]

    seqs = await store.write(work)
    wanted = {
        MessageFilter(): ["m3", "m2", "m1", "m0"],
        MessageFilter(sender="eve"): ["m1"],
        MessageFilter(channel="all"): ["m1", "m0"],
        MessageFilter(channel="role:coo"): ["m0"],
        MessageFilter(channel="instance:bob", sender="ann"): ["m2"],
        MessageFilter(type="status"): ["m1"],
        MessageFilter(priority="urgent"): ["m2"],
        MessageFilter(status="sent"): ["m2", "m1", "m0"],
        MessageFilter(thread_id="m0"): ["m2"],
        MessageFilter(tags=("x", "y")): ["m3", "m0"],
        MessageFilter(tags=("y", "z"), channel="all"): ["m0"],
    }

    def look(records: Records) -> None:
        for which, ids in wanted.items():
            assert [one.id for one in records.messages.select(which, Page())] == ids
            assert records.messages.count(which) == len(ids)
        assert [one.id for one in records.messages.select(MessageFilter(), Page(2, (seqs[2],)))] == ["m1", "m0"]

    await store.read(look)


async def test_arrivals_are_numbered_in_the_order_in_which_they_became_visible(store: Store) -> None:
    def first(records: Records) -> None:
        records.messages.add(given.message("old", [Address("all")]), ["eve"])
        records.messages.add(given.message("new", ["bob"]), ["bob"])

    await store.write(first)
    start = await store.read(lambda records: records.messages.last_arrival("bob"))
    assert start > 0
    await store.write(lambda records: records.messages.deliver_backlog("bob", ("all",)))
    await store.write(lambda records: records.messages.add(given.message("newest"), ["bob"]))

    def look(records: Records) -> list[int]:
        arrived = records.messages.arrivals("bob", start, unread_only=False, limit=10)
        assert [one.message.id for one in arrived] == ["old", "newest"]
        assert [one.number for one in arrived] == sorted({one.number for one in arrived})
        assert all(one.number > start for one in arrived)
        assert records.messages.last_arrival("bob") == arrived[-1].number
        assert [one.message.id for one in records.messages.arrivals("bob", 0, unread_only=True, limit=2)] == [
            "new",
            "old",
        ]
        assert records.messages.last_arrival("nobody") == 0
        return [one.message.seq for one in arrived]

    old, newest = await store.read(look)

    def handled(records: Records) -> list[str]:
        records.messages.set_read("bob", old, 1)
        records.messages.set_archived("bob", newest, 1)
        return [one.message.id for one in records.messages.arrivals("bob", start, unread_only=True, limit=9)] + [
            one.message.id for one in records.messages.arrivals("bob", start, unread_only=False, limit=9)
        ]

    assert await store.write(handled) == ["old"]


async def test_the_last_arrival_stays_when_its_message_is_deleted_and_numbers_are_never_given_twice(
    store: Store,
) -> None:
    seq = (await store.write(lambda records: records.messages.add(given.message("m"), ["bob"]))).seq
    last = await store.read(lambda records: records.messages.last_arrival("bob"))
    await store.write(lambda records: records.messages.delete(seq))
    assert await store.read(lambda records: records.messages.last_arrival("bob")) == last
    again = await store.write(lambda records: records.messages.add(given.message("n"), ["bob"]))
    assert again.seq > seq
    assert await store.read(lambda records: records.messages.last_arrival("bob")) > last


async def test_a_deleted_message_leaves_nothing_behind(store: Store) -> None:
    def work(records: Records) -> None:
        seq = records.messages.add(given.message("m", [Address("all")], tags=("x",)), ["bob", "eve"]).seq
        records.messages.set_read("eve", seq, 1)
        records.messages.delete(seq)
        records.messages.delete(seq)
        assert records.messages.get("m") is None
        assert records.messages.delivery("bob", seq) is None
        assert records.messages.deliveries(seq) == []
        assert records.messages.inbox(InboxQuery("bob"), Page()) == []
        assert records.messages.inbox_counts("bob") == records.messages.inbox_counts("eve") == InboxCounts()
        assert records.messages.count(MessageFilter(channel="all")) == 0
        assert records.messages.count(MessageFilter(tags=("x",))) == 0

    await store.write(work)
