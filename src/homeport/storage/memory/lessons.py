"""Lessons and their submissions in dictionaries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from homeport.coordination.lessons import Lesson, LessonFilter, LessonPattern, Submission
from homeport.coordination.values import Page
from homeport.storage.memory.paging import following, preceding
from homeport.storage.memory.search import text_of_lesson
from homeport.storage.memory.tables import Tables
from homeport.storage.memory.words import all_occur
from homeport.storage.words import words_in


class MemoryLessons:
    """See :class:`homeport.coordination.store.Lessons`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, submission: Submission, lessons: Sequence[Lesson]) -> None:
        self._tables.submissions[submission.id] = submission
        for lesson in lessons:
            seq = self._tables.next_number("lesson")
            self._tables.lessons[seq] = replace(lesson, seq=seq)

    def submission(self, submission_id: str) -> Submission | None:
        return self._tables.submissions.get(submission_id)

    def submissions(self, page: Page) -> Sequence[Submission]:
        return following(self._tables.submissions.values(), lambda one: (one.id,), page)

    def of_submission(self, submission_id: str) -> Sequence[Lesson]:
        return [one for _, one in sorted(self._tables.lessons.items()) if one.submission_id == submission_id]

    def get(self, seq: int) -> Lesson | None:
        return self._tables.lessons.get(seq)

    def has_project(self, project_id: str) -> bool:
        return any(one.project_id == project_id for one in self._tables.lessons.values())

    def select(self, which: LessonFilter, page: Page) -> Sequence[Lesson]:
        return preceding(self._matching(which), lambda one: one.seq, page)

    def count(self, which: LessonFilter) -> int:
        return len(self._matching(which))

    def relevant(self, text: str, project_id: str | None, limit: int) -> Sequence[Lesson]:
        wanted = set(words_in(text))
        shared = {one.seq: len(wanted & set(words_in(text_of_lesson(one)))) for one in self._tables.lessons.values()}
        sharing = [one for one in self._tables.lessons.values() if shared[one.seq]]
        sharing.sort(key=lambda one: (one.project_id != project_id, -shared[one.seq], -one.seq))
        others = [one for one in self._tables.lessons.values() if one.project_id == project_id and not shared[one.seq]]
        others.sort(key=lambda one: (-(one.confidence or 0), -one.seq))
        return [*sharing, *others][:limit]

    def patterns(self, project_id: str | None) -> Sequence[LessonPattern]:
        groups: dict[tuple[str, str], list[Lesson]] = defaultdict(list)
        for lesson in self._matching(LessonFilter(project_id)):
            groups[lesson.project_id, lesson.type].append(lesson)
        found = [LessonPattern(*key, len(lessons), _mean(lessons)) for key, lessons in groups.items()]
        return sorted(found, key=lambda one: (one.project_id, -one.count, one.type))

    def _matching(self, which: LessonFilter) -> list[Lesson]:
        return [
            one
            for one in self._tables.lessons.values()
            if which.project_id in (None, one.project_id)
            and (not which.types or one.type in which.types)
            and (which.min_confidence is None or (one.confidence or 0) >= which.min_confidence)
            and (not which.words or all_occur(which.words, text_of_lesson(one)))
        ]


def _mean(lessons: Sequence[Lesson]) -> float | None:
    known = [one.confidence for one in lessons if one.confidence is not None]
    return sum(known) / len(known) if known else None
