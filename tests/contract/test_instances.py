"""What every store does with instances."""

from __future__ import annotations

from homeport.coordination.instances import InstanceFilter
from homeport.coordination.store import Records, Store
from homeport.coordination.values import Page
from tests.support import given
from tests.support.desk import START


async def test_an_instance_comes_back_as_it_was_put(store: Store) -> None:
    put = given.instance(
        "ann", role="Größe", sessions=3, capabilities=("z", "a"), metadata={"nested": {"list": [1, None, "ü🚀"]}}
    )
    await store.write(lambda records: records.instances.put(put))
    assert await store.read(lambda records: records.instances.get("ann")) == put
    assert await store.read(lambda records: records.instances.exists("ann"))
    assert not await store.read(lambda records: records.instances.exists("Ann"))
    assert await store.read(lambda records: records.instances.get("Ann")) is None


async def test_putting_an_instance_again_replaces_it(store: Store) -> None:
    await store.write(lambda records: records.instances.put(given.instance("ann", capabilities=("a",))))
    again = given.instance("ann", role="tester", status="busy", last_seen_at=START + 1)
    await store.write(lambda records: records.instances.put(again))
    assert await store.read(lambda records: records.instances.get("ann")) == again
    assert await store.read(lambda records: records.instances.count(InstanceFilter())) == 1


async def test_a_touch_wakes_and_never_turns_time_back(store: Store) -> None:
    def work(records: Records) -> None:
        records.instances.put(given.instance("gone", status="inactive"))
        records.instances.put(given.instance("busy", status="busy"))
        for name in ("gone", "busy", "nobody"):
            records.instances.touch(name, START + 100)
            records.instances.touch(name, START + 50)

    await store.write(work)
    gone = await store.read(lambda records: records.instances.get("gone"))
    busy = await store.read(lambda records: records.instances.get("busy"))
    assert gone == given.instance("gone", status="active", last_seen_at=START + 100)
    assert busy == given.instance("busy", status="busy", last_seen_at=START + 100)
    assert await store.read(lambda records: records.instances.ids()) == ["busy", "gone"]


async def test_instances_are_listed_by_id_and_continue_after_one(store: Store) -> None:
    names = ["b", "B", "a", "é", "10", "9", "日本", "a b"]

    def work(records: Records) -> None:
        for name in names:
            records.instances.put(given.instance(name))

    await store.write(work)
    assert await store.read(lambda records: records.instances.ids()) == sorted(names)

    def pages(records: Records) -> list[str]:
        seen: list[str] = []
        while rows := records.instances.select(InstanceFilter(), Page(3, (seen[-1],) if seen else None)):
            seen += [row.id for row in rows]
        return seen

    assert await store.read(pages) == sorted(names)


async def test_instances_are_filtered_by_role_in_any_case_status_and_sight(store: Store) -> None:
    def work(records: Records) -> None:
        records.instances.put(given.instance("a", role="Straße"))
        records.instances.put(given.instance("b", role="STRASSE", status="busy", last_seen_at=START + 10))
        records.instances.put(given.instance("c", role="Straßen", last_seen_at=START + 20))

    await store.write(work)
    wanted = {
        InstanceFilter(): ["a", "b", "c"],
        InstanceFilter(role="strasse"): ["a", "b"],
        InstanceFilter(role="strasse", status="busy"): ["b"],
        InstanceFilter(active_since=START + 10): ["b", "c"],
        InstanceFilter(active_since=START + 21): [],
        InstanceFilter(status="BUSY"): [],
    }

    def look(records: Records) -> None:
        for which, ids in wanted.items():
            assert [row.id for row in records.instances.select(which, Page())] == ids
            assert records.instances.count(which) == len(ids)

    await store.read(look)
    assert await store.read(lambda records: records.instances.ids_with_role("STRAßE")) == ["a", "b"]


async def test_a_role_is_known_when_it_is_described_or_somebody_has_it(store: Store) -> None:
    await store.write(lambda records: records.instances.put(given.instance("a", role="Cook")))
    assert await store.read(lambda records: records.role_known("COOK"))
    assert not await store.read(lambda records: records.role_known("waiter"))
