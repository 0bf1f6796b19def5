"""Lessons: ``lessons/projects/<project>.json``, and ``lessons/index.json``, which is derived from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from homeport.coordination.lessons import Lesson, Submission
from homeport.coordination.values import JsonObject, iso
from homeport.exchange.json_v1.jsontext import Json
from homeport.exchange.json_v1.shapes import Context, Notes, as_object, as_share, as_text, moment_or

_SUBMISSION: Final = frozenset(
    {"id", "project_id", "instance_id", "submitted_at", "lesson_count", "lessons", "metadata"}
)
_LESSON: Final = ("id", "type", "content", "context", "confidence", "weight", "source_file")
_HIGH: Final = 0.8
_MEDIUM: Final = 0.5


def decode(record: JsonObject, context: Context, notes: Notes) -> tuple[Submission, list[Lesson]]:
    """The submission that a record describes, and its lessons in their order."""
    beside = as_object({key: value for key, value in record.items() if key not in _SUBMISSION})
    submission = Submission(
        id=context.id,
        project_id=as_text(record.get("project_id")) or context.owner,
        instance_id=as_text(record.get("instance_id")) or "unknown",
        submitted_at=moment_or([record.get("submitted_at")], context.id, context.since, notes),
        metadata={**beside, **as_object(record.get("metadata"))},
    )
    given = record.get("lessons", [])
    return submission, [_lesson(submission, position, one) for position, one in enumerate(given, 1)]


def _lesson(submission: Submission, position: int, said: JsonObject) -> Lesson:
    return Lesson(
        seq=0,
        id=as_text(said.get("id")) or f"{submission.id}-{position}",
        submission_id=submission.id,
        project_id=submission.project_id,
        instance_id=submission.instance_id,
        submitted_at=submission.submitted_at,
        type=as_text(said.get("type")) or "lesson",
        content=as_text(said.get("content")),
        context=as_text(said.get("context")) or None,
        confidence=as_share(said.get("confidence")),
        weight=as_share(said.get("weight")),
        source_file=as_text(said.get("source_file")) or None,
        extra=as_object({key: value for key, value in said.items() if key not in _LESSON}),
    )


def encode(submission: Submission, lessons: Sequence[Lesson]) -> JsonObject:
    """A new record."""
    return {
        "id": submission.id,
        "project_id": submission.project_id,
        "instance_id": submission.instance_id,
        "submitted_at": iso(submission.submitted_at),
        "lesson_count": len(lessons),
        "lessons": [_fields(lesson) for lesson in lessons],
        "metadata": submission.metadata,
    }


def _fields(lesson: Lesson) -> JsonObject:
    fields = {name: getattr(lesson, name) for name in _LESSON}
    said = {name: value for name, value in fields.items() if value is not None}
    return {**said, **{key: value for key, value in lesson.extra.items() if key not in _LESSON}}


def indexed(index: Json, added: Iterable[tuple[Submission, Sequence[Lesson]]]) -> JsonObject:
    """The index with these submissions added; what it holds and is not about them stays."""
    result = dict(index) if isinstance(index, dict) else {}
    projects = {**_at(result, "projects")}
    levels = {"high": [], "medium": [], "low": [], **_at(result, "confidence_levels")}
    types = {**_at(result, "lesson_types")}
    total = result.get("total_lessons")
    total = total if type(total) is int else 0
    for submission, lessons in added:
        total += len(lessons)
        entry = _at(projects, submission.project_id)
        projects[submission.project_id] = {
            **entry,
            "total_lessons": _number(entry.get("total_lessons")) + len(lessons),
            "last_updated": max(as_text(entry.get("last_updated")), iso(submission.submitted_at)),
            "submissions": _number(entry.get("submissions")) + 1,
        }
        for lesson in lessons:
            types[lesson.type] = _number(types.get(lesson.type)) + 1
            level = _level(lesson.confidence)
            levels[level] = [*(levels[level] if isinstance(levels[level], list) else []), _line(lesson)]
    return {
        "version": "1.0.0",
        **result,
        "total_lessons": total,
        "projects": projects,
        "confidence_levels": levels,
        "lesson_types": types,
    }


def _level(confidence: float | None) -> str:
    if confidence is None or confidence < _MEDIUM:
        return "low"
    return "high" if confidence >= _HIGH else "medium"


def _line(lesson: Lesson) -> JsonObject:
    return {
        "id": lesson.id,
        "project_id": lesson.project_id,
        "type": lesson.type,
        "confidence": lesson.confidence,
        "submission_id": lesson.submission_id,
    }


def _at(value: JsonObject, key: str) -> JsonObject:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _number(value: Json) -> int:
    return value if type(value) is int else 0
