"""How things look in answers: the earlier server's field names, times as RFC 3339, nothing that says nothing."""

from __future__ import annotations

from typing import Any

from homeport.coordination.instances import Instance
from homeport.coordination.lessons import Lesson
from homeport.coordination.messages import Delivery, Message
from homeport.coordination.projects import Project
from homeport.coordination.tasks import Task, due_day
from homeport.coordination.values import JsonObject, Millis, iso
from homeport.operations.budget import preview


def compact(**fields: Any) -> JsonObject:  # noqa: ANN401 - JSON values
    """The fields that say something: no nulls, no empty lists, objects or texts."""
    return {name: value for name, value in fields.items() if value is not None and value not in ("", [], {}, ())}


def when(at: Millis | None) -> str | None:
    """A time for an answer, if there is one."""
    return None if at is None else iso(at)


def instance(one: Instance, now: Millis) -> JsonObject:
    """An instance, whole."""
    metadata = {"capabilities": list(one.capabilities), "session_count": one.sessions, **one.metadata}
    return {
        "id": one.id,
        "role": one.role,
        "status": one.status,
        "active": one.active(now),
        "created": iso(one.created_at),
        "last_seen": iso(one.last_seen_at),
        "metadata": metadata,
    }


def instance_line(one: Instance, now: Millis) -> JsonObject:
    """An instance in a list."""
    return {
        "id": one.id,
        "role": one.role,
        "status": one.status,
        "active": one.active(now),
        "last_seen": iso(one.last_seen_at),
    }


def project(one: Project) -> JsonObject:
    """A project, whole."""
    return {
        "id": one.id,
        "name": one.name,
        "description": one.description,
        "status": one.status,
        "priority": one.priority,
        "created": iso(one.created_at),
        "updated": iso(one.updated_at),
        "metadata": {"tags": list(one.tags), **one.metadata},
    }


def project_line(one: Project) -> JsonObject:
    """A project in a list."""
    text, cut = preview(one.description)
    return {
        "id": one.id,
        "name": one.name,
        "description": text,
        **({"truncated": True} if cut else {}),
        "status": one.status,
        "priority": one.priority,
        **compact(tags=list(one.tags)),
    }


def task(one: Task) -> JsonObject:
    """A task, whole."""
    return {
        **_task_head(one, one.title, one.description),
        **compact(
            role=one.role,
            claimed_at=when(one.claimed_at),
            completed_at=when(one.completed_at),
            lease_expires_at=when(one.lease_expires_at),
            fence=one.fence or None,
            estimated_effort=one.estimated_effort,
            completion_notes=one.completion_notes,
        ),
        "created": iso(one.created_at),
        "updated": iso(one.updated_at),
        "metadata": {"tags": list(one.tags), "dependencies": list(one.dependencies), **one.metadata},
    }


def task_written(one: Task) -> JsonObject:
    """A task as it answers to whoever has just written it: its description is a preview."""
    text, cut = preview(one.description)
    return {**task(one), "description": text, **({"truncated": True} if cut else {})}


def task_line(one: Task) -> JsonObject:
    """A task in a list."""
    text, cut = preview(one.description)
    return {
        **_task_head(one, one.title, text),
        **({"truncated": True} if cut else {}),
        **compact(
            lease_expires_at=when(one.lease_expires_at),
            role=one.role,
            dependencies=list(one.dependencies),
            tags=list(one.tags),
            due=due_day(one.metadata),
        ),
    }


def _task_head(one: Task, title: str, description: str) -> JsonObject:
    return {
        "id": one.id,
        **compact(project_id=one.project_id),
        "title": title,
        "description": description,
        "status": one.status,
        "priority": one.priority,
        "assigned_to": one.assigned_to,
    }


def message(one: Message) -> JsonObject:
    """A message, whole."""
    return {
        "id": one.id,
        "from": one.sender,
        "to": ", ".join(map(str, one.to)),
        "subject": one.subject,
        "body": one.body if one.parts is None else one.parts,
        "type": one.type,
        "priority": one.priority,
        "status": one.status,
        "created": iso(one.created_at),
        **compact(thread_id=one.thread_id, reply_to=one.reply_to),
        "metadata": {"tags": list(one.tags), **one.metadata},
    }


def message_line(one: Message) -> JsonObject:
    """A message in a list: its body is a preview, ``truncated`` where ``get_message`` has more."""
    subject, subject_cut = preview(one.subject, 120)
    body, body_cut = preview(one.body)
    return {
        "id": one.id,
        "from": one.sender,
        "to": preview(", ".join(map(str, one.to)), 80)[0],
        "subject": subject,
        "body": body,
        **({"truncated": True} if subject_cut or body_cut else {}),
        **({} if one.type == "message" else {"type": one.type}),
        "priority": one.priority,
        "created": iso(one.created_at),
        **compact(thread_id=one.thread_id),
    }


def delivery_line(one: Delivery) -> JsonObject:
    """A message in a reader's inbox."""
    return {**message_line(one.message), "unread": one.read_at is None}


def lesson(one: Lesson) -> JsonObject:
    """A lesson, whole."""
    return {
        "id": one.id,
        "type": one.type,
        "content": one.content,
        **compact(
            context=one.context,
            confidence=one.confidence,
            weight=one.weight,
            source_file=one.source_file,
            project_id=one.project_id,
            instance_id=one.instance_id,
            submission_id=one.submission_id,
        ),
        "submitted": iso(one.submitted_at),
        **one.extra,
    }


def lesson_line(one: Lesson, length: int = 300) -> JsonObject:
    """A lesson in a list, and as it is offered with a task."""
    text, cut = preview(one.content, length)
    return {
        "number": one.seq,
        "id": one.id,
        "type": one.type,
        "content": text,
        **({"truncated": True} if cut else {}),
        **compact(confidence=one.confidence, project_id=one.project_id),
    }
