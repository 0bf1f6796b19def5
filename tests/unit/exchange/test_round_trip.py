"""An export right after an import gives the same directory back, whatever stood in it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.coordination.store import Records
from homeport.exchange.json_v1.directory import read_directory
from homeport.exchange.json_v1.exporting import export_directory
from homeport.exchange.json_v1.importing import import_directory
from homeport.exchange.json_v1.report import Report
from homeport.exchange.json_v1.writing import write_directory
from tests.support.stores import STORES
from tests.unit.exchange.trees import FOUND, NOW, SAMPLE, exact, exported, imported, memory, on_disk, read

SOURCES = [SAMPLE, *([FOUND] if FOUND.is_dir() else [])]
NAMES = ["sample", "found"][: len(SOURCES)]


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
@pytest.mark.parametrize("store", STORES)
async def test_an_export_right_after_an_import_equals_the_input(store: str, source: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    opened = await STORES[store](tmp_path / "data")
    directory = read_directory(source)
    try:
        first = await opened.write(lambda records: import_directory(records, directory, NOW))
        second = await opened.write(lambda records: import_directory(records, directory, NOW + 1))
        found = await opened.scan(export_directory)
        last = await opened.read(lambda records: records.events.last())
    finally:
        await opened.close()
    write_directory(found.files, tmp_path / "out")
    assert exact(on_disk(tmp_path / "out")) == exact(on_disk(source))
    assert (first.changed, second.changed, last) == (True, False, 1)
    assert all(count.read == count.already_there for count in second.counts.values())


@pytest.mark.skipif(not FOUND.is_dir(), reason="the earlier server's own data are not beside the project")
def test_the_earlier_servers_own_data_are_counted_as_they_are(tmp_path: Path) -> None:
    report = import_directory(memory(), read_directory(FOUND), NOW)
    counts = {noun: count.imported for noun, count in report.counts.items()}
    assert counts == {
        "instances": 7,
        "projects": 17,
        "tasks": 5,
        "messages": 56,
        "lessons": 39,
        "submissions": 14,
        "roles": 11,
        "documents": 0,
    }


# Characters that have broken something somewhere: half an emoji, NUL, quotes, bidirectional marks.
TEXT = st.text(st.sampled_from("ab \"'\\\n\r\t/:,.%🚢é\u202e\x00\ud83dA1_-{}[]"), max_size=12)
NAME = st.text(st.sampled_from("abAB0-_. ,:é🚢%'\"\\"), min_size=1, max_size=8).filter(lambda name: name.strip("."))
SCALAR = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
TIME = st.sampled_from(
    ["2025-08-05T10:00:00.000Z", "2025-08-05", "2025-08-05T10:00:00+02:00", "never", 1754380800, None]
)
IDENTITY = st.sampled_from(
    ["a", "b", "A", "msg-1", "msg-1754400000000-aaaa0001", "x/y", "x-y", "..", " b", "🚢"]
) | TEXT.filter(bool)
WORD = st.sampled_from(["active", "pending", "claimed", "read", "unread", "archived", "urgent", "odd", "", None, 7])
TO = st.sampled_from(
    ["all", "ALL", "a", "COO", "project-team:p", "project-member:p:a", "p:a", "a,b, c", "../x", "", None, ["a", 1]]
)
ENVELOPE = st.dictionaries(
    st.sampled_from(["created", "last_updated", "schema_version", "odd", "instance_id"]), JSON, max_size=3
)


def record(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A record with an id, any of these fields, and unknown ones."""
    known = st.fixed_dictionaries({"id": IDENTITY}, optional={**fields, "metadata": JSON | metadata()})
    return st.tuples(st.dictionaries(TEXT, JSON, max_size=2), known).map(lambda pair: {**pair[0], **pair[1]})


def metadata() -> st.SearchStrategy[dict[str, Any]]:
    names = ["tags", "dependencies", "effort_estimate", "members", "thread_id", "capabilities", "session_count", "x"]
    return st.dictionaries(st.sampled_from(names), JSON | st.lists(IDENTITY, max_size=3), max_size=3)


def file(key: str, records: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Any]:
    whole = st.tuples(ENVELOPE, st.lists(records, max_size=4)).map(lambda pair: {**pair[0], key: pair[1]})
    return whole | st.lists(records, max_size=2)


INSTANCE = record(role=WORD | TEXT, status=WORD, created=TIME, last_seen=TIME, tasks_claimed=JSON)
PROJECT = record(name=TEXT, description=JSON, status=WORD, priority=WORD, created=TIME, updated=TIME)
TASK = record(
    title=TEXT, description=JSON, status=WORD, priority=WORD, assigned_to=TO, created=TIME, updated=TIME, tags=JSON,
    claimed_at=TIME, completion_notes=JSON, estimated_effort=JSON, dependencies=st.lists(IDENTITY, max_size=3),
)  # fmt: skip
MESSAGE = record(
    **{"from": IDENTITY}, to=TO, subject=TEXT, body=JSON | TEXT, type=JSON, priority=WORD, status=WORD, created=TIME,
    read_at=TIME, read_by=IDENTITY | JSON, archived_at=TIME, archived_by=IDENTITY, message_type=WORD,
)  # fmt: skip
LESSON = st.dictionaries(st.sampled_from(["id", "type", "content", "confidence", "weight", "x"]), JSON, max_size=4)
SUBMISSION = record(
    project_id=IDENTITY,
    instance_id=IDENTITY,
    submitted_at=TIME,
    lesson_count=JSON,
    lessons=st.lists(LESSON, max_size=3),
)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """The files of a directory of the format."""
    one, two, three = draw(NAME), draw(NAME), draw(NAME)
    possible: dict[str, st.SearchStrategy[Any]] = {
        "instances.json": file("instances", INSTANCE),
        "projects/manifest.json": file("projects", PROJECT),
        f"projects/{one}/tasks.json": file("tasks", TASK),
        "projects/p/tasks.json": file("tasks", TASK),
        "messages/inbox/inbox.json": file("messages", MESSAGE),
        "messages/inbox/archive/2025-08.json": file("messages", MESSAGE),
        "messages/instances/a/inbox.json": file("messages", MESSAGE),
        "messages/instances/ALL/inbox.json": file("messages", MESSAGE),
        f"messages/instances/{two}/inbox.json": file("messages", MESSAGE),
        f"messages/instances/{two}/archive/2025-09.json": file("messages", MESSAGE),
        f"messages/projects/{one}/inbox.json": file("messages", MESSAGE),
        "lessons/index.json": st.dictionaries(TEXT, JSON, max_size=3),
        f"lessons/projects/{one}.json": file("submissions", SUBMISSION),
        "lessons/projects/p.json": file("submissions", SUBMISSION),
        "roles/roles.json": st.tuples(ENVELOPE, st.dictionaries(TEXT, JSON, max_size=3)).map(
            lambda pair: {**pair[0], "roles": pair[1]}
        ),
        f"roles/{three}/notes.md": TEXT.map(lambda text: text.replace("\ud83d", "")),
        f"roles/{three.swapcase()}/notes.md": TEXT.map(lambda text: text.replace("\ud83d", "")),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(possible)), min_size=1, max_size=6, unique=True))
    return {path: draw(possible[path]) for path in chosen}


def import_twice(records: Records, tree: dict[str, Any]) -> tuple[Report, Report]:
    with tempfile.TemporaryDirectory() as place:
        return imported(records, tree, Path(place)), imported(records, tree, Path(place))


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=200)
@given(trees())
def test_any_directory_survives_an_import_and_an_export(tree: dict[str, Any]) -> None:
    records = memory()
    first, second = import_twice(records, tree)
    assert exact(exported(records)) == exact(tree)
    assert not second.changed
    for count in first.counts.values():
        assert count.read == count.imported + count.already_there + count.left_alone
    assert all(count.read == count.already_there for count in second.counts.values())


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=50)
@given(trees())
def test_what_was_exported_can_be_imported_somewhere_else(tree: dict[str, Any]) -> None:
    here, there = memory(), memory()
    import_twice(here, tree)
    with tempfile.TemporaryDirectory() as place:
        import_directory(there, read(exported(here), Path(place)), NOW)
    assert exact(exported(there)) == exact(tree)
