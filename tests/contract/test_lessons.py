"""What every store does with lessons."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.coordination.lessons import LessonFilter, LessonPattern
from homeport.coordination.store import Records, Store
from homeport.coordination.values import Page
from tests.support import given


async def test_a_submission_and_its_lessons_come_back_as_they_were_added(store: Store) -> None:
    handed_in = given.submission("s", metadata={"k": [1, "ü"]})
    learned = [
        given.lesson(
            "z", handed_in, context="ctx", confidence=0.1, weight=1.0, source_file="a.md", extra={"x": [None]}
        ),
        given.lesson("a", handed_in, type="pitfall", content="日本語 🚀"),
        given.lesson("a", handed_in),
    ]
    await store.write(lambda records: records.lessons.add(handed_in, learned))

    def look(records: Records) -> None:
        assert records.lessons.submission("s") == handed_in
        assert records.lessons.submission("t") is None
        found = records.lessons.of_submission("s")
        assert [replace(one, seq=0) for one in found] == learned
        assert [one.seq for one in found] == sorted({one.seq for one in found})
        assert [records.lessons.get(one.seq) for one in found] == list(found)
        assert records.lessons.get(found[-1].seq + 1) is None
        assert records.lessons.has_project("p")
        assert not records.lessons.has_project("P")

    await store.read(look)


def _variety(records: Records) -> None:
    for name, project in (("s2", "p"), ("s1", "q")):
        of = given.submission(name, project_id=project)
        records.lessons.add(
            of,
            [
                given.lesson(f"{name}-a", of, confidence=0.9),
                given.lesson(f"{name}-b", of, type="pitfall", confidence=0.5),
                given.lesson(f"{name}-c", of, type="pitfall", confidence=0.7),
                given.lesson(f"{name}-d", of),
            ],
        )
    of = given.submission("s3", project_id="p")
    records.lessons.add(of, [given.lesson("s3-a", of, type="alone")])


async def test_lessons_are_newest_first_filtered_and_counted(store: Store) -> None:
    await store.write(_variety)
    wanted = {
        LessonFilter(): "s3-a s1-d s1-c s1-b s1-a s2-d s2-c s2-b s2-a",
        LessonFilter(project_id="p"): "s3-a s2-d s2-c s2-b s2-a",
        LessonFilter(types=("pitfall", "alone")): "s3-a s1-c s1-b s2-c s2-b",
        LessonFilter(min_confidence=0.7): "s1-c s1-a s2-c s2-a",
        LessonFilter("q", ("pitfall",), 0.6): "s1-c",
        LessonFilter("nowhere"): "",
    }

    def look(records: Records) -> None:
        for which, ids in wanted.items():
            found = records.lessons.select(which, Page())
            assert [one.id for one in found] == ids.split()
            assert records.lessons.count(which) == len(ids.split())
        first = records.lessons.select(LessonFilter(), Page(3))
        second = records.lessons.select(LessonFilter(), Page(3, (first[-1].seq,)))
        assert [one.id for one in second] == ["s1-b", "s1-a", "s2-d"]

    await store.read(look)


async def test_submissions_are_listed_by_id_and_continue(store: Store) -> None:
    await store.write(_variety)
    rows = await store.read(lambda records: records.lessons.submissions(Page(2)))
    rest = await store.read(lambda records: records.lessons.submissions(Page(2, ("s2",))))
    assert [one.id for one in [*rows, *rest]] == ["s1", "s2", "s3"]


async def test_patterns_count_types_by_project_the_most_frequent_first(store: Store) -> None:
    await store.write(_variety)
    found = await store.read(lambda records: records.lessons.patterns(None))
    assert [(one.project_id, one.type, one.count) for one in found[:1]] == [("p", "pattern", 2)] or found[0].count == 2
    assert {(one.project_id, one.type, one.count) for one in found} == {
        ("p", "pattern", 2),
        ("p", "pitfall", 2),
        ("p", "alone", 1),
        ("q", "pattern", 2),
        ("q", "pitfall", 2),
    }
    assert [(one.project_id, -one.count) for one in found] == sorted((one.project_id, -one.count) for one in found)
    means = {(one.project_id, one.type): one.mean_confidence for one in found}
    assert means["p", "pitfall"] == pytest.approx(0.6)
    assert means["p", "pattern"] == pytest.approx(0.9)
    assert means["p", "alone"] is None
    only = await store.read(lambda records: records.lessons.patterns("q"))
    assert {one.project_id for one in only} == {"q"}
    assert all(isinstance(one, LessonPattern) for one in only)


async def test_relevant_lessons_share_words_own_project_first_then_come_the_surest(store: Store) -> None:
    def work(records: Records) -> None:
        for project in ("p", "q"):
            of = given.submission(f"s-{project}", project_id=project)
            records.lessons.add(
                of,
                [
                    given.lesson(f"{project}-backup", of, content="Restore every backup once"),
                    given.lesson(f"{project}-both", of, content="The database backup"),
                    given.lesson(f"{project}-sure", of, content="Nothing in common", confidence=1.0),
                    given.lesson(f"{project}-unsure", of, content="Nothing either", confidence=0.2),
                    given.lesson(f"{project}-silent", of, content="Nothing at all"),
                ],
            )

    await store.write(work)

    async def relevant(text: str, project: str | None, limit: int = 20) -> list[str]:
        return [one.id for one in await store.read(lambda records: records.lessons.relevant(text, project, limit))]

    found = await relevant('the DATABASE* "backup" AND (restore', "p")
    assert set(found[:2]) == {"p-backup", "p-both"}
    assert set(found[2:4]) == {"q-backup", "q-both"}
    assert found[4:6] == ["p-sure", "p-unsure"]
    assert set(found[6:]) <= {"p-silent"}
    assert await relevant("database", "q", 2) == ["q-both", "p-both"]
    assert await relevant("backup", "p", 1) in (["p-backup"], ["p-both"])
    assert (await relevant("", "p"))[:2] == ["p-sure", "p-unsure"]
    assert (await relevant("...", "p"))[:2] == ["p-sure", "p-unsure"]
    assert set(await relevant("backup", None)) >= {"p-backup", "p-both", "q-backup", "q-both"}
    assert len(set(found)) == len(found)


async def test_relevant_lessons_can_be_asked_for_with_any_text(store: Store) -> None:
    await store.write(_variety)
    texts = ("", '"', "NEAR(", "a AND", "*", "col:x", "🚀", "日本語", "é\u0301", "x" * 5000, "word " * 2000, "\x00")

    def look(records: Records) -> None:
        for text in texts:
            assert len(records.lessons.relevant(text, "p", 3)) == 3

    await store.read(look)


async def test_lessons_are_found_by_their_words_among_other_conditions(store: Store) -> None:
    def work(records: Records) -> None:
        for number, (project, content, confidence) in enumerate(
            [
                ("p", "Back up the database first.", 0.9),
                ("p", "The database locks.", 0.2),
                ("q", "A backup helps.", 0.9),
            ]
        ):
            one = given.submission(f"sub-{number}", project_id=project)
            records.lessons.add(one, [given.lesson(f"l{number}", one, content=content, confidence=confidence)])
        for which, found in (
            (LessonFilter(words=("database",)), ["l1", "l0"]),
            (LessonFilter(words=("data",), min_confidence=0.5), ["l0"]),
            (LessonFilter("q", words=("database",)), []),
            (LessonFilter(words=("pattern", "back")), ["l2", "l0"]),
        ):
            assert [one.id for one in records.lessons.select(which, Page())] == found
            assert records.lessons.count(which) == len(found)

    await store.write(work)
