"""Operations on lessons."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from homeport.coordination import lessons
from homeport.coordination.lessons import Lesson, LessonFilter, Submission
from homeport.coordination.search import words_of
from homeport.coordination.store import Records
from homeport.coordination.values import MAX_ITEMS, JsonObject, Page
from homeport.errors import NotFoundError
from homeport.operations import cursors, render
from homeport.operations.budget import page
from homeport.operations.kinds import Cursor, Limit, Metadata, small
from homeport.operations.operation import Arguments, Call, Http, Mutation, Operation

Share = Annotated[float, Field(ge=0, le=1)]


class GivenLesson(Arguments):
    """One lesson as it is submitted; further keys of its author's are kept."""

    model_config = ConfigDict(extra="allow")

    id: str | None = None
    type: Annotated[str, Field(max_length=100)]
    content: str
    context: str | None = None
    confidence: Share | None = None
    weight: Share | None = None
    source_file: str | None = None

    @model_validator(mode="after")
    def _further_keys_can_be_kept(self) -> Self:
        small(self.model_extra or {})
        return self


class SubmitLessons(Mutation):
    """Arguments of ``submit_lessons``."""

    project_id: str
    instance_id: str
    lessons: Annotated[list[GivenLesson], Field(max_length=MAX_ITEMS)]
    metadata: Metadata | None = None


class GetLessons(Arguments):
    """Arguments of ``get_lessons``."""

    project_id: str | None = None
    lesson_types: Annotated[list[str] | None, Field(max_length=MAX_ITEMS)] = None
    min_confidence: Share | None = None
    query: Annotated[str | None, Field(max_length=500, description="words")] = None
    limit: Limit | None = None
    cursor: Cursor | None = None


class GetLesson(Arguments):
    """Arguments of ``get_lesson``."""

    number: Annotated[int, Field(ge=1)]


class GetOnboardingLessons(Arguments):
    """Arguments of ``get_onboarding_lessons``."""

    role: str | None = None
    project_id: str | None = None
    limit: Limit | None = None


class GetLessonPatterns(Arguments):
    """Arguments of ``get_lesson_patterns``."""

    project_id: str | None = None


class ExportLessons(Arguments):
    """Arguments of ``export_lessons``."""

    project_id: str | None = None
    format: Annotated[str | None, Field(pattern="^(json|markdown)$", description="json or markdown")] = None
    limit: Limit | None = None
    cursor: Cursor | None = None


def _submit(records: Records, given: SubmitLessons, call: Call) -> JsonObject:
    submission = Submission(
        id=call.ids.new("sub", call.now),
        project_id=given.project_id,
        instance_id=given.instance_id,
        submitted_at=call.now,
        metadata=given.metadata or {},
    )
    learned = [_lesson(submission, position, said) for position, said in enumerate(given.lessons, 1)]
    lessons.submit(records, submission, learned, call.now)
    return {"submission_id": submission.id, "lessons_stored": len(learned)}


def _lesson(submission: Submission, position: int, said: GivenLesson) -> Lesson:
    return Lesson(
        seq=0,
        id=said.id or f"{submission.id}-{position}",
        submission_id=submission.id,
        project_id=submission.project_id,
        instance_id=submission.instance_id,
        submitted_at=submission.submitted_at,
        type=said.type,
        content=said.content,
        context=said.context,
        confidence=said.confidence,
        weight=said.weight,
        source_file=said.source_file,
        extra=dict(said.model_extra or {}),
    )


def _list(records: Records, given: GetLessons, call: Call) -> JsonObject:
    words = words_of(given.query) if given.query else ()
    which = LessonFilter(given.project_id, tuple(given.lesson_types or ()), given.min_confidence, words)
    limit = given.limit or 20
    rows = records.lessons.select(which, Page(limit + 1, cursors.decode(given.cursor, int)))
    items, rest = page(rows, limit, render.lesson_line, lambda one: (one.seq,), call.budget)
    return {"lessons": items, "total_found": records.lessons.count(which), **rest}


def _get(records: Records, given: GetLesson, call: Call) -> JsonObject:
    del call
    lesson = records.lessons.get(given.number)
    if lesson is None:
        raise NotFoundError(f"number: no lesson {given.number}.", "Call get_lessons or search.")
    return {"lesson": render.lesson(lesson)}


def _onboarding(records: Records, given: GetOnboardingLessons, call: Call) -> JsonObject:
    del call
    limit = given.limit or 10
    found = lessons.for_role(records, given.role or "", given.project_id, limit)
    items, _ = page(found, limit, render.lesson_line, lambda one: (one.seq,))
    return {"lessons": items, "total_found": len(items)}


def _patterns(records: Records, given: GetLessonPatterns, call: Call) -> JsonObject:
    del call
    patterns = records.lessons.patterns(given.project_id)
    shown = [
        {
            "project_id": one.project_id,
            "type": one.type,
            "count": one.count,
            **render.compact(mean_confidence=None if one.mean_confidence is None else round(one.mean_confidence, 3)),
        }
        for one in patterns
    ]
    return {"patterns": shown, "total_lessons": sum(one.count for one in patterns)}


def _export(records: Records, given: ExportLessons, call: Call) -> JsonObject:
    del call
    limit = given.limit or 100
    rows = records.lessons.select(LessonFilter(given.project_id), Page(limit + 1, cursors.decode(given.cursor, int)))
    shown, more = rows[:limit], len(rows) > limit
    next_page = {"next_cursor": cursors.encode((shown[-1].seq,))} if more else {}
    if given.format == "markdown":
        text = "\n\n".join(f"## {one.type}: {one.id}\n\n{one.content}" for one in shown)
        return {"format": "markdown", "document": text, "total": len(shown), **next_page}
    return {"format": "json", "lessons": [render.lesson(one) for one in shown], "total": len(shown), **next_page}


_LESSONS: dict[str, Any] = {"lessons": {"type": "array"}, "total_found": {"type": "integer"}}

OPERATIONS = (
    Operation(
        name="submit_lessons",
        summary="Hand in what you learned, for those who come after you.",
        arguments=SubmitLessons,
        work=_submit,
        kind="write",
        http=Http("POST", "/lessons"),
        actor="instance_id",
        answer={"submission_id": {"type": "string"}, "lessons_stored": {"type": "integer"}},
    ),
    Operation(
        name="get_lessons",
        summary="Lessons, newest first.",
        arguments=GetLessons,
        work=_list,
        kind="read",
        http=Http("GET", "/lessons"),
        answer=_LESSONS,
    ),
    Operation(
        name="get_lesson",
        summary="One lesson, whole, by the number that a list shows.",
        arguments=GetLesson,
        work=_get,
        kind="read",
        http=Http("GET", "/lessons/{number}"),
        answer={"lesson": {"type": "object"}},
        listed=False,
    ),
    Operation(
        name="get_onboarding_lessons",
        summary="The lessons to begin with in a role and a project.",
        arguments=GetOnboardingLessons,
        work=_onboarding,
        kind="read",
        http=Http("GET", "/lessons/onboarding"),
        answer=_LESSONS,
        listed=False,
    ),
    Operation(
        name="get_lesson_patterns",
        summary="How often each type of lesson occurs, and how sure its authors are.",
        arguments=GetLessonPatterns,
        work=_patterns,
        kind="scan",
        http=Http("GET", "/lessons/patterns"),
        answer={"patterns": {"type": "array"}, "total_lessons": {"type": "integer"}},
        listed=False,
    ),
    Operation(
        name="export_lessons",
        summary="Lessons whole, page by page, as JSON or Markdown.",
        arguments=ExportLessons,
        work=_export,
        kind="scan",
        http=Http("GET", "/lessons/export"),
        answer={"format": {"type": "string"}, "total": {"type": "integer"}},
        listed=False,
    ),
)
