"""What every store does with projects and their members."""

from __future__ import annotations

from homeport.coordination.projects import ProjectFilter
from homeport.coordination.store import Records, Store
from homeport.coordination.values import Page
from tests.support import given
from tests.support.desk import START


async def test_a_project_comes_back_as_it_was_put_and_can_be_replaced(store: Store) -> None:
    first = given.project("p", description="Ünï\n🚀", tags=("b", "a"), metadata={"k": [1.5, True]})
    await store.write(lambda records: records.projects.put(first))
    assert await store.read(lambda records: records.projects.get("p")) == first
    second = given.project("p", status="completed", updated_at=START + 1)
    await store.write(lambda records: records.projects.put(second))
    assert await store.read(lambda records: records.projects.get("p")) == second
    assert await store.read(lambda records: records.projects.get("P")) is None


async def test_replacing_a_project_keeps_its_members_and_tasks(store: Store) -> None:
    def work(records: Records) -> None:
        records.projects.put(given.project("p"))
        records.projects.add_member("p", "ann", START)
        records.tasks.add(given.task("t", project_id="p"))
        records.projects.put(given.project("p", name="New"))

    await store.write(work)
    assert await store.read(lambda records: records.projects.members("p")) == ["ann"]
    assert await store.read(lambda records: records.tasks.get("p", "t")) is not None


async def test_projects_are_listed_by_id_filtered_and_counted(store: Store) -> None:
    def work(records: Records) -> None:
        records.projects.put(given.project("c", tags=("x",)))
        records.projects.put(given.project("a", tags=("x", "y"), priority="high"))
        records.projects.put(given.project("b", status="archived"))

    await store.write(work)
    wanted = {
        ProjectFilter(): ["a", "b", "c"],
        ProjectFilter(tags=("y", "z")): ["a"],
        ProjectFilter(tags=("x", "y")): ["a", "c"],
        ProjectFilter(status="active", tags=("x",), priority="medium"): ["c"],
        ProjectFilter(status="archived"): ["b"],
        ProjectFilter(tags=("X",)): [],
    }

    def look(records: Records) -> None:
        for which, ids in wanted.items():
            assert [row.id for row in records.projects.select(which, Page())] == ids
            assert records.projects.count(which) == len(ids)

    await store.read(look)
    rows = await store.read(lambda records: records.projects.select(ProjectFilter(), Page(1, ("a",))))
    assert [row.id for row in rows] == ["b"]
    assert await store.read(lambda records: records.projects.ids()) == ["a", "b", "c"]


async def test_a_member_joins_and_leaves_once(store: Store) -> None:
    def work(records: Records) -> tuple[bool, ...]:
        for name in ("q", "p"):
            records.projects.put(given.project(name))
        for name in ("bob", "ann"):
            records.instances.put(given.instance(name))
        records.projects.add_member("q", "ann", START)
        joined = records.projects.add_member("p", "bob", START), records.projects.add_member("p", "bob", START)
        records.projects.add_member("p", "ann", START)
        return joined

    assert await store.write(work) == (True, False)
    assert await store.read(lambda records: records.projects.members("p")) == ["ann", "bob"]
    assert await store.read(lambda records: records.projects.projects_of("ann")) == ["p", "q"]
    assert await store.write(lambda records: records.projects.remove_member("p", "ann"))
    assert not await store.write(lambda records: records.projects.remove_member("p", "ann"))
    assert await store.read(lambda records: records.projects.projects_of("ann")) == ["q"]


async def test_a_deleted_project_takes_its_tasks_and_members_along_and_nothing_else(store: Store) -> None:
    def work(records: Records) -> None:
        for name in ("p", "q"):
            records.projects.put(given.project(name))
            records.projects.add_member(name, "ann", START)
            records.tasks.add(given.task("t", project_id=name))
        records.tasks.add(given.task("t"))
        records.messages.add(given.message("m"), ["bob"])
        learned = given.submission("s", project_id="p")
        records.lessons.add(learned, [given.lesson("l", learned)])

    await store.write(work)
    await store.write(lambda records: records.projects.delete("p"))
    assert await store.read(lambda records: records.projects.ids()) == ["q"]
    assert await store.read(lambda records: records.projects.members("p")) == []
    assert await store.read(lambda records: records.projects.projects_of("ann")) == ["q"]
    assert [one.project_id for one in await store.read(lambda records: records.tasks.find("t"))] == ["", "q"]
    assert await store.read(lambda records: records.messages.get("m")) is not None
    assert await store.read(lambda records: records.lessons.has_project("p"))
    assert await store.read(lambda records: records.tasks.counts()) == {("", "pending"): 1, ("q", "pending"): 1}
