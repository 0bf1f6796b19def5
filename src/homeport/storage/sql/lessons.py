"""Lessons and their submissions in SQL."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from homeport.coordination.lessons import Lesson, LessonFilter, LessonPattern, Submission
from homeport.coordination.values import Page
from homeport.storage.sql.codec import dump, load
from homeport.storage.sql.database import Database, Dialect, Row
from homeport.storage.sql.scopes import project_scope
from homeport.storage.sql.statements import LARGEST, Where, insert, join
from homeport.storage.sql.words import Words

MOST_WORDS: Final = 32
"""Words of a text that are looked for among lessons."""
MOST_MATCHES: Final = 50
"""Lessons that one word finds (or as many as are wanted), the newest: a word that is in all says little of any."""

_WORD: Final = re.compile(r"[^\W_]+")
_COLUMNS: Final = (
    "id, submission_id, project_id, instance_id, submitted_at, type, content, context, confidence, weight,"
    " source_file, extra"
)
_SELECT: Final = join("SELECT seq,", _COLUMNS, "FROM lessons")
_ADD: Final = insert("lessons", ("seq", *_COLUMNS.split(", ")))
_ADD_SUBMISSION: Final = """
    INSERT INTO submissions (id, project_id, instance_id, submitted_at, metadata) VALUES (?, ?, ?, ?, ?)
"""
_SUBMISSION: Final = "SELECT id, project_id, instance_id, submitted_at, metadata FROM submissions"
_SURE: Final = join(
    _SELECT,
    "WHERE project_id = ? AND seq NOT IN (SELECT CAST(found.value AS BIGINT) FROM {found})",
    "ORDER BY coalesce(confidence, 0) DESC, seq DESC LIMIT ?",
)
_PATTERNS: Final = "SELECT project_id, type, count(*), avg(confidence) FROM lessons"


class SqlLessons:
    """See :class:`homeport.coordination.store.Lessons`."""

    def __init__(self, database: Database, dialect: Dialect, words: Words) -> None:
        self._database = database
        self._execute = database.execute
        self._dialect = dialect
        self._words = words
        row = dialect.words_row
        self._found = f"SELECT {row} FROM lesson_words WHERE {words.match('lesson')}"  # noqa: S608 - constants
        self._newest = f"SELECT {row} FROM ({self._found} ORDER BY {row} DESC LIMIT ?) AS newest"  # noqa: S608 - constants
        self._sure = _SURE.format(found=dialect.each("?", "found"))

    def add(self, submission: Submission, lessons: Sequence[Lesson]) -> None:
        values = (
            submission.id,
            submission.project_id,
            submission.instance_id,
            submission.submitted_at,
            dump(submission.metadata),
        )
        self._execute(_ADD_SUBMISSION, values)
        for lesson in lessons:
            seq = self._dialect.insert(self._database, "lessons", _ADD, _values(lesson))
            text = f"{lesson.type}\n{lesson.content}\n{lesson.context or ''}"
            self._words.add("lesson", seq, text, lesson.project_id)

    def submission(self, submission_id: str) -> Submission | None:
        row = self._execute(join(_SUBMISSION, "WHERE id = ?"), (submission_id,)).fetchone()
        return None if row is None else _submission(row)

    def submissions(self, page: Page) -> Sequence[Submission]:
        after = "" if page.after is None else page.after[0]
        rows = self._execute(join(_SUBMISSION, "WHERE id > ? ORDER BY id LIMIT ?"), (after, page.limit))
        return [_submission(row) for row in rows]

    def of_submission(self, submission_id: str) -> Sequence[Lesson]:
        return self._list(join(_SELECT, "WHERE submission_id = ? ORDER BY seq"), submission_id)

    def get(self, seq: int) -> Lesson | None:
        found = self._list(join(_SELECT, "WHERE seq = ?"), seq) if abs(seq) <= LARGEST else []
        return found[0] if found else None

    def has_project(self, project_id: str) -> bool:
        statement = "SELECT 1 FROM lessons WHERE project_id = ? LIMIT 1"
        return self._execute(statement, (project_id,)).fetchone() is not None

    def select(self, which: LessonFilter, page: Page) -> Sequence[Lesson]:
        where = self._matching(which)
        where.before("seq", page)
        return self._list(join(_SELECT, str(where), "ORDER BY seq DESC LIMIT ?"), *where.values, page.limit)

    def count(self, which: LessonFilter) -> int:
        where = self._matching(which)
        row = self._execute(join("SELECT count(*) FROM lessons", str(where)), where.values).fetchone()
        return int(row[0]) if row else 0

    def relevant(self, text: str, project_id: str | None, limit: int) -> Sequence[Lesson]:
        words = list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))[:MOST_WORDS]
        found = [] if project_id is None else self._sharing(words, limit, [project_scope(project_id)])
        if len(found) < limit:
            # The project's own are among these as well; all of them were found before, or there would be enough.
            found += [seq for seq in self._sharing(words, limit + len(found)) if seq not in found]
        lessons = [lesson for seq in found[:limit] if (lesson := self.get(seq)) is not None]
        if project_id is not None and len(lessons) < limit:
            lessons += self._list(self._sure, project_id, dump(found), limit - len(lessons))
        return lessons

    def _sharing(self, words: Sequence[str], limit: int, scopes: Sequence[str] = ()) -> list[int]:
        """The lessons that share most of the words, newer ones first where it is the same."""
        if not words:
            return []
        most = max(MOST_MATCHES, limit)
        asked = [self._words.all_of(self._words.any_of([one]) for one in (word, *scopes)) for word in words]
        # All at once: each statement may be a way to a database and back.
        statement = " UNION ALL ".join([self._newest] * len(asked))
        shared = Counter(row[0] for row in self._execute(statement, [value for one in asked for value in (one, most)]))
        return sorted(shared, key=lambda seq: (-shared[seq], -seq))[:limit]

    def patterns(self, project_id: str | None) -> Sequence[LessonPattern]:
        where = self._matching(LessonFilter(project_id))
        grouped = "GROUP BY project_id, type ORDER BY project_id, count(*) DESC, type"
        rows = self._execute(join(_PATTERNS, str(where), grouped), where.values)
        return [LessonPattern(*row) for row in rows]

    def _matching(self, which: LessonFilter) -> Where:
        where = Where(self._dialect)
        where.equal("project_id", which.project_id)
        where.among("type", which.types)
        if which.min_confidence is not None:
            where.add("coalesce(confidence, 0) >= ?", which.min_confidence)
        if which.words:
            where.add(f"seq IN ({self._found})", self._words.question("lesson", which.words))
        return where

    def _list(self, statement: str, *values: object) -> list[Lesson]:
        return [_lesson(row) for row in self._execute(statement, values)]


def _values(lesson: Lesson) -> tuple[object, ...]:
    return (
        lesson.id,
        lesson.submission_id,
        lesson.project_id,
        lesson.instance_id,
        lesson.submitted_at,
        lesson.type,
        lesson.content,
        lesson.context,
        lesson.confidence,
        lesson.weight,
        lesson.source_file,
        dump(lesson.extra),
    )


def _lesson(row: Row) -> Lesson:
    *plain, extra = row
    return Lesson(*(*plain, load(extra)))


def _submission(row: Row) -> Submission:
    *plain, metadata = row
    return Submission(*(*plain, load(metadata)))
