"""Lessons: what an instance learned, kept for those who come after and offered where they matter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from homeport.coordination.events import record
from homeport.coordination.values import (
    MAX_ITEMS,
    JsonObject,
    Millis,
    checked_name,
    checked_text,
    did_you_mean,
)
from homeport.errors import InvalidError, NotFoundError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from homeport.coordination.store import Records
    from homeport.coordination.tasks import Task

OFFERED = 3
"""How many lessons come with a claimed task and with a bootstrap."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson. ``id`` is its author's own and need not be unique; ``seq`` is the store's.

    ``confidence`` and ``weight`` are between 0 and 1 where given; keys that are not known here are in ``extra``.
    """

    seq: int
    id: str
    submission_id: str
    project_id: str
    instance_id: str
    submitted_at: Millis
    type: str
    content: str
    context: str | None = None
    confidence: float | None = None
    weight: float | None = None
    source_file: str | None = None
    extra: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Submission:
    """Lessons that were handed in together."""

    id: str
    project_id: str
    instance_id: str
    submitted_at: Millis
    metadata: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LessonFilter:
    """All conditions must hold; ``types``: one of them; ``words``: all of them occur, as a search finds them."""

    project_id: str | None = None
    types: tuple[str, ...] = ()
    min_confidence: float | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LessonPattern:
    """How often a type of lesson occurs in a project, and how sure its authors are on average."""

    project_id: str
    type: str
    count: int
    mean_confidence: float | None


def submit(records: Records, submission: Submission, lessons: Sequence[Lesson], now: Millis) -> Submission:
    """Stores a submission and its lessons.

    Raises:
        InvalidError: no lesson, or an empty one, or a confidence or weight outside 0 to 1.
        NotFoundError: the project is neither a project nor known from earlier lessons.
    """
    project_id = checked_name(submission.project_id, "project_id")
    checked_name(submission.instance_id, "instance_id")
    if records.projects.get(project_id) is None and not records.lessons.has_project(project_id):
        near = did_you_mean(project_id, records.projects.ids())
        raise NotFoundError(f"project_id: no project {project_id!r}.", f"Call create_project first. {near}")
    if not lessons:
        raise InvalidError("lessons: there is none.", "Give at least one lesson with type and content.")
    if len(lessons) > MAX_ITEMS:
        raise TooLargeError(f"lessons: {len(lessons)}, at most {MAX_ITEMS} at once.", "Submit them in parts.")
    for position, lesson in enumerate(lessons):
        _checked(lesson, f"lessons[{position}]")
    records.lessons.add(submission, lessons)
    record(
        records,
        "lesson.submitted",
        now,
        actor=submission.instance_id,
        subject=submission.id,
        project_id=project_id,
        data={"lessons": len(lessons)},
    )
    return submission


def for_task(records: Records, task: Task, limit: int = OFFERED) -> Sequence[Lesson]:
    """The lessons that matter most for a task: those that share its words, its project's before others'."""
    words = f"{task.title} {' '.join(task.tags)} {task.description[:500]}"
    return records.lessons.relevant(words, task.project_id, limit)


def for_role(records: Records, role: str, project_id: str | None, limit: int = OFFERED) -> Sequence[Lesson]:
    """The lessons to start with: of the project where there is one, by confidence, those for the role first."""
    return records.lessons.relevant(role, project_id, limit)


def _checked(lesson: Lesson, path: str) -> None:
    checked_text(lesson.content, f"{path}.content")
    checked_text(lesson.context or "", f"{path}.context")
    if not lesson.content.strip():
        raise InvalidError(f"{path}.content: it is empty.", "Say what was learned.")
    for name, value in (("confidence", lesson.confidence), ("weight", lesson.weight)):
        if value is not None and not 0 <= value <= 1:
            raise InvalidError(f"{path}.{name}: {value} is not between 0 and 1.", "Give a share, such as 0.9.")
