"""What every store does with tasks."""

from __future__ import annotations

from dataclasses import replace

from homeport.coordination.store import Records, Store
from homeport.coordination.tasks import PRIORITIES, TaskFilter
from homeport.coordination.values import Page
from tests.support import given
from tests.support.desk import START


async def test_a_task_comes_back_as_it_was_added_with_its_number(store: Store) -> None:
    whole = given.held(
        "t",
        "ann",
        project_id="p",
        description="Ünï 🚀",
        priority="critical",
        completed_at=START + 5,
        fence=7,
        role="Cook",
        dependencies=("z", "q/y"),
        estimated_effort="2 h",
        completion_notes="none",
        tags=("b", "a"),
        metadata={"k": {"n": None}},
    )

    def work(records: Records) -> None:
        records.projects.put(given.project("p"))
        stored = records.tasks.add(whole)
        assert stored.seq > 0
        assert stored == replace(whole, seq=stored.seq)
        assert records.tasks.get("p", "t") == stored
        assert records.tasks.add(given.task("u", project_id="p")).seq > stored.seq

    await store.write(work)
    found = await store.read(lambda records: records.tasks.get("p", "t"))
    assert found is not None
    assert replace(found, seq=0) == whole
    assert await store.read(lambda records: records.tasks.get("", "t")) is None


async def test_a_task_is_updated_in_its_place(store: Store) -> None:
    def work(records: Records) -> None:
        first = records.tasks.add(given.task("t", tags=("a",), dependencies=("x",)))
        records.tasks.add(given.task("u"))
        changed = given.held("t", "ann", tags=("b",), dependencies=(), fence=1, seq=first.seq)
        records.tasks.update(changed)
        assert records.tasks.get("", "t") == changed

    await store.write(work)
    by_tag = await store.read(lambda records: records.tasks.select(TaskFilter(tags=("b",)), Page()))
    assert [one.id for one in by_tag] == ["t"]
    assert await store.read(lambda records: records.tasks.count(TaskFilter(tags=("a",)))) == 0


async def test_tasks_of_one_id_are_found_in_all_projects(store: Store) -> None:
    def work(records: Records) -> None:
        for name in ("q", "p"):
            records.projects.put(given.project(name))
            records.tasks.add(given.task("t", project_id=name))
        records.tasks.add(given.task("t"))

    await store.write(work)
    assert sorted(one.reference for one in await store.read(lambda records: records.tasks.find("t"))) == [
        "p/t",
        "q/t",
        "t",
    ]
    assert await store.read(lambda records: records.tasks.find("T")) == []


def _variety(records: Records) -> None:
    records.projects.put(given.project("p"))
    records.tasks.add(given.task("low", priority="low"))
    records.tasks.add(given.task("medium", project_id="p", tags=("x",)))
    records.tasks.add(given.task("critical", priority="critical", role="Cook"))
    records.tasks.add(given.task("high", priority="high", status="completed", assigned_to="ann", tags=("x", "y")))
    records.tasks.add(given.held("medium-2", "ann", project_id="p", role="waiter"))
    records.tasks.add(given.task("high-2", priority="high"))


async def test_tasks_are_listed_by_priority_and_age_and_continue(store: Store) -> None:
    await store.write(_variety)
    order = ["critical", "high", "high-2", "medium", "medium-2", "low"]

    def look(records: Records) -> None:
        rows = records.tasks.select(TaskFilter(), Page())
        assert [one.id for one in rows] == order
        for at, row in enumerate(rows):
            rest = records.tasks.select(TaskFilter(), Page(2, (PRIORITIES.index(row.priority), row.seq)))
            assert [one.id for one in rest] == order[at + 1 : at + 3]

    await store.read(look)


async def test_tasks_are_filtered_and_counted(store: Store) -> None:
    await store.write(_variety)
    wanted = {
        TaskFilter(project_id="p"): ["medium", "medium-2"],
        TaskFilter(project_id=""): ["critical", "high", "high-2", "low"],
        TaskFilter(status="pending"): ["critical", "high-2", "medium", "low"],
        TaskFilter(status="pending", role="COOK"): ["critical", "high-2", "medium", "low"],
        TaskFilter(status="pending", role="waiter"): ["high-2", "medium", "low"],
        TaskFilter(priority="high"): ["high", "high-2"],
        TaskFilter(assigned_to="ann"): ["high", "medium-2"],
        TaskFilter(tags=("y", "z")): ["high"],
        TaskFilter(tags=("x",), project_id="p"): ["medium"],
        TaskFilter(project_id="nowhere"): [],
    }

    def look(records: Records) -> None:
        for which, ids in wanted.items():
            assert [row.id for row in records.tasks.select(which, Page())] == ids
            assert records.tasks.count(which) == len(ids)

    await store.read(look)
    assert await store.read(lambda records: records.tasks.counts()) == {
        ("", "pending"): 3,
        ("", "completed"): 1,
        ("p", "pending"): 1,
        ("p", "claimed"): 1,
    }


async def test_who_holds_what_is_known_by_status_and_the_oldest_claim_is_first(store: Store) -> None:
    def work(records: Records) -> None:
        records.projects.put(given.project("p"))
        records.tasks.add(given.held("young", "ann", claimed_at=START + 9, project_id="p"))
        records.tasks.add(given.held("old", "ann", claimed_at=START + 1, status="in_progress"))
        records.tasks.add(given.held("stuck", "ann", claimed_at=START + 5, status="blocked", project_id="p"))
        records.tasks.add(given.held("other", "bob", project_id="p"))
        records.tasks.add(given.task("mine-later", assigned_to="ann", project_id="p"))
        records.tasks.add(given.held("done", "carl", status="completed", project_id="p"))

    await store.write(work)
    held = await store.read(lambda records: records.tasks.held_by("ann"))
    assert [one.id for one in held] == ["old", "stuck", "young"]
    assert sorted(await store.read(lambda records: records.tasks.holders("p"))) == ["ann", "bob"]
    assert await store.read(lambda records: records.tasks.holders("")) == ["ann"]


async def test_leases_end_at_their_time_and_only_of_what_is_held(store: Store) -> None:
    def work(records: Records) -> None:
        records.tasks.add(given.held("second", "ann", lease_expires_at=START + 20))
        records.tasks.add(given.held("first", "ann", lease_expires_at=START + 10, status="in_progress"))
        records.tasks.add(given.held("stuck", "bob", lease_expires_at=START + 20, status="blocked"))
        records.tasks.add(given.held("imported", "bob", lease_expires_at=None))
        records.tasks.add(given.task("odd", lease_expires_at=START))

    await store.write(work)

    async def ended(now: int, limit: int = 100) -> list[str]:
        return [one.id for one in await store.read(lambda records: records.tasks.expired(now, limit))]

    assert await ended(START + 9) == []
    assert await ended(START + 10) == ["first"]
    assert await ended(START + 20) == ["first", "second", "stuck"]
    assert len(await ended(START + 20, limit=2)) == 2
    assert await store.write(lambda records: records.tasks.renew_leases("ann", START + 50)) == 2
    assert await store.write(lambda records: records.tasks.renew_leases("bob", START + 60)) == 1
    assert await ended(START + 49) == []
    assert await ended(START + 50) == ["first", "second"] or await ended(START + 50) == ["second", "first"]
    imported = await store.read(lambda records: records.tasks.get("", "imported"))
    assert imported is not None
    assert imported.lease_expires_at is None


async def test_unfinished_dependencies_are_named_across_projects_in_the_order_given(store: Store) -> None:
    def work(records: Records) -> list[str]:
        for name in ("p", "q"):
            records.projects.put(given.project(name))
        records.tasks.add(given.task("same", project_id="p", status="completed"))
        records.tasks.add(given.task("same", project_id="q"))
        records.tasks.add(given.held("zeta", "ann", project_id="p"))
        records.tasks.add(given.task("alone"))
        last = given.task(
            "last", project_id="p", dependencies=("zeta", "q/same", "same", "/alone", "q/gone", "alone", "q/same")
        )
        return records.tasks.unfinished_dependencies(records.tasks.add(last))

    assert await store.write(work) == ["p/zeta", "q/same", "alone"]


async def test_dependencies_follow_an_update(store: Store) -> None:
    def work(records: Records) -> None:
        records.instances.put(given.instance("ann"))
        records.tasks.add(given.task("first", role="nobody"))
        second = records.tasks.add(given.task("second", dependencies=("first",)))
        assert records.tasks.next_claimable("ann", "developer", None) is None
        records.tasks.update(replace(second, dependencies=()))
        best = records.tasks.next_claimable("ann", "developer", None)
        assert best is not None
        assert best.id == "second"

    await store.write(work)


async def test_the_next_claimable_task_is_the_best_that_one_may_take(store: Store) -> None:
    def work(records: Records) -> None:
        records.projects.put(given.project("p"))
        records.projects.put(given.project("q"))
        records.tasks.add(given.task("low", priority="low", project_id="p"))
        records.tasks.add(given.task("foreign", priority="critical", project_id="q"))
        records.tasks.add(given.task("waits", priority="critical", project_id="p", dependencies=("q/foreign",)))
        records.tasks.add(given.task("cook", priority="high", project_id="p", role="COOK"))
        records.tasks.add(given.task("bobs", priority="critical", project_id="p", assigned_to="bob"))
        records.tasks.add(given.held("held", "bob", priority="critical", project_id="p"))
        records.tasks.add(given.task("anns", priority="low", project_id="p", assigned_to="ann"))
        records.tasks.add(given.task("alone", priority="high"))
        records.tasks.add(given.task("blocked", priority="critical", status="blocked", assigned_to="ann"))

    await store.write(work)

    async def best(who: str, role: str, places: tuple[str, ...] | None) -> str | None:
        task = await store.read(lambda records: records.tasks.next_claimable(who, role, places))
        return None if task is None else task.id

    assert await best("ann", "Cook", ("p",)) == "anns"
    assert await best("eve", "Cook", ("p",)) == "cook"
    assert await best("eve", "waiter", ("p",)) == "low"
    assert await best("eve", "cook", ("p", "")) == "cook"
    assert await best("eve", "waiter", ("",)) == "alone"
    assert await best("eve", "waiter", None) == "foreign"
    assert await best("bob", "waiter", ("p",)) == "bobs"
    assert await best("eve", "waiter", ()) is None


async def test_tasks_are_found_by_their_words_among_other_conditions(store: Store) -> None:
    def work(records: Records) -> list[list[str]]:
        records.projects.put(given.project("p"))
        records.tasks.add(given.task("lamp", project_id="p", title="Mend the lighthouse lamp", status="blocked"))
        records.tasks.add(given.task("lens", project_id="p", title="Polish", description="The lens of the lighthouse."))
        records.tasks.add(given.task("quay", title="Light the quay"))
        asked = (
            TaskFilter(words=("lighthouse",)),
            TaskFilter(words=("lighthouse", "lam"), project_id="p"),
            TaskFilter(words=("light",), status="pending"),
            TaskFilter(words=("nowhere",)),
        )
        found = [[one.id for one in records.tasks.select(which, Page())] for which in asked]
        assert [records.tasks.count(which) for which in asked] == list(map(len, found))
        return found

    assert await store.write(work) == [["lamp", "lens"], ["lamp"], ["lens", "quay"], []]


async def test_a_task_is_overdue_after_its_day_until_it_is_completed(store: Store) -> None:
    def work(records: Records) -> list[str]:
        for name, due in (
            ("past", "2026-11-25"),
            ("moment", "2026-11-25T23:59:00Z"),
            ("today", "2026-11-26"),
            ("later", "2027-01-01"),
            ("words", "soon"),
            ("scrubbed", "0000-00-00"),
            ("february", "2026-02-30"),
            ("long ago", "0000-01-01"),
            ("points", "25.11.2026"),
            ("number", 20261125),
            ("list", ["2026-11-25"]),
            ("none", None),
        ):
            records.tasks.add(given.task(name, metadata={"due": due}))
        records.tasks.add(given.task("done", status="completed", metadata={"due": "2026-11-25"}))
        records.tasks.add(given.task("other", metadata={"note": '"due": "2026-11-25"'}))
        which = TaskFilter(due_before="2026-11-26")
        assert records.tasks.count(which) == 2
        return [one.id for one in records.tasks.select(which, Page())]

    assert await store.write(work) == ["past", "moment"]
