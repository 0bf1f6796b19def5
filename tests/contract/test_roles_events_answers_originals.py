"""What every store does with roles, events, first answers and originals."""

from __future__ import annotations

from dataclasses import replace

from homeport.coordination.events import EventFilter
from homeport.coordination.idempotency import Answer
from homeport.coordination.originals import Original
from homeport.coordination.roles import Role, RoleDocument
from homeport.coordination.store import Records, Store
from tests.support import given
from tests.support.desk import START


async def test_roles_have_one_name_in_any_case(store: Store) -> None:
    def work(records: Records) -> None:
        records.roles.put(Role("Straßenbauer", {"title": "ü", "duties": ["a", None]}))
        records.roles.put(Role("COO", {}))
        records.roles.put(Role("coo", {"title": "New"}))

    await store.write(work)

    def look(records: Records) -> None:
        assert records.roles.get("STRASSENBAUER") == Role("Straßenbauer", {"title": "ü", "duties": ["a", None]})
        assert records.roles.get("Coo") == Role("coo", {"title": "New"})
        assert [role.name.casefold() for role in records.roles.all()] == ["coo", "strassenbauer"]
        assert records.roles.get("cook") is None
        assert records.role_known("cOO")
        assert not records.role_known("cook")

    await store.read(look)


async def test_documents_belong_to_a_role_in_any_case_and_are_listed_by_name(store: Store) -> None:
    def work(records: Records) -> None:
        records.roles.put(Role("COO", {}))
        records.roles.put(Role("Cook", {}))
        records.roles.put_document(RoleDocument("COO", "b.md", "old"))
        records.roles.put_document(RoleDocument("COO", "a.md", "# Ünï 🚀\n"))
        records.roles.put_document(RoleDocument("COO", "b.md", "new"))
        records.roles.put_document(RoleDocument("Cook", "a.md", "another"))

    await store.write(work)
    found = await store.read(lambda records: records.roles.documents("coo"))
    assert [(one.name, one.text) for one in found] == [("a.md", "# Ünï 🚀\n"), ("b.md", "new")]
    assert {one.role.casefold() for one in found} == {"coo"}
    assert await store.read(lambda records: records.roles.documents("nobody")) == []


async def test_events_come_back_in_order_after_a_position(store: Store) -> None:
    whole = given.event(
        "message.sent", actor="ann", subject="m", project_id="p", audience=("bob", "eve"), data={"k": [None, "ü"]}
    )

    def work(records: Records) -> None:
        assert records.events.last() == 0
        stored = records.events.append(whole)
        assert stored == replace(whole, seq=stored.seq)
        assert records.events.last() == stored.seq
        records.events.append(given.event("message.read", actor="bob", subject="m"))
        records.events.append(given.event("task.created", actor="ann", subject="p/t", project_id="p"))
        records.events.append(given.event("task.claimed", actor="bob", subject="p/t", project_id="p"))
        records.events.append(given.event("tasks.odd", actor="bob"))

    await store.write(work)
    wanted = {
        EventFilter(): "message.sent message.read task.created task.claimed tasks.odd",
        EventFilter(kinds=("task",)): "task.created task.claimed",
        EventFilter(kinds=("task", "message.read")): "message.read task.created task.claimed",
        EventFilter(kinds=("task.claimed",)): "task.claimed",
        EventFilter(actor="ann"): "message.sent task.created",
        EventFilter(subject="m"): "message.sent message.read",
        EventFilter(project_id="p", kinds=("task",), actor="bob"): "task.claimed",
        EventFilter(kinds=("tas",)): "",
        EventFilter(kinds=("ta%", "task_created", "*")): "",
    }

    def look(records: Records) -> None:
        rows = records.events.select(EventFilter(), 0, 100)
        assert replace(rows[0], seq=0) == whole
        seqs = [row.seq for row in rows]
        assert seqs == sorted(set(seqs))
        assert records.events.last() == seqs[-1]
        for which, kinds in wanted.items():
            assert [row.kind for row in records.events.select(which, 0, 100)] == kinds.split(), which
            assert [row.kind for row in records.events.recent(which, None, 100)] == kinds.split()[::-1], which
        assert [row.seq for row in records.events.recent(EventFilter(), seqs[3], 2)] == [seqs[2], seqs[1]]
        assert records.events.recent(EventFilter(), seqs[0], 10) == []
        assert [row.seq for row in records.events.select(EventFilter(), seqs[1], 2)] == seqs[2:4]
        assert records.events.select(EventFilter(), seqs[-1], 10) == []

    await store.read(look)


async def test_the_first_answer_is_kept_by_operation_and_key(store: Store) -> None:
    first = Answer("op", "key", "print", {"a": [1, None, {"ü": "🚀"}]}, START)

    def work(records: Records) -> None:
        records.answers.put(first)
        records.answers.put(Answer("other", "key", "print", {}, START + 1))
        records.answers.put(Answer("op", "KEY", "print", {}, START + 2))

    await store.write(work)
    assert await store.read(lambda records: records.answers.get("op", "key")) == first
    assert await store.read(lambda records: records.answers.get("op", "none")) is None
    assert await store.write(lambda records: records.answers.forget(START + 2)) == 2
    assert await store.read(lambda records: records.answers.get("op", "key")) is None
    assert await store.read(lambda records: records.answers.get("op", "KEY")) is not None
    assert await store.write(lambda records: records.answers.forget(START + 2)) == 0


async def test_originals_are_kept_by_kind_and_key_and_listed_by_path_and_position(store: Store) -> None:
    originals = [
        Original("task", "p/t", "tasks/b.json", 10, '{"odd": "1E+2",  "ü": 1}'),
        Original("task", "p/u", "tasks/b.json", 9, "{}"),
        Original("message", "p/t", "a.json", 0, "[]"),
        Original("file", "a.json", "a.json", 1, "{}"),
    ]

    def work(records: Records) -> None:
        records.originals.put(Original("task", "p/t", "zzz.json", 0, "old"))
        for one in originals:
            records.originals.put(one)

    await store.write(work)

    def look(records: Records) -> None:
        assert records.originals.get("task", "p/t") == originals[0]
        assert records.originals.get("file", "p/t") is None
        assert list(records.originals.all()) == [originals[2], originals[3], originals[1], originals[0]]
        assert list(records.originals.all("task")) == [originals[1], originals[0]]
        assert list(records.originals.all("role")) == []

    await store.read(look)
