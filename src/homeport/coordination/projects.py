"""Projects and who works in them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from homeport.coordination import instances, messages
from homeport.coordination.events import record
from homeport.coordination.values import (
    MAX_TITLE,
    JsonObject,
    Millis,
    checked_name,
    checked_text,
    did_you_mean,
    merged,
)
from homeport.errors import ConflictError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from homeport.coordination.store import Records

STATUSES: Final = ("active", "completed", "archived", "on_hold")
PRIORITIES: Final = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Project:
    """A body of work with members, tasks, messages and lessons of its own."""

    id: str
    name: str
    description: str
    status: str
    priority: str
    created_at: Millis
    updated_at: Millis
    tags: tuple[str, ...] = ()
    metadata: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProjectFilter:
    """All conditions must hold; ``tags``: at least one of them."""

    status: str | None = None
    priority: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectUpdate:
    """What to change; ``None`` leaves it. Metadata is merged key by key, a null removes its key."""

    name: str | None = None
    description: str | None = None
    status: str | None = None
    priority: str | None = None
    tags: tuple[str, ...] | None = None
    metadata: JsonObject | None = None
    add_members: tuple[str, ...] = ()
    remove_members: tuple[str, ...] = ()


def required(records: Records, project_id: str, field: str = "project_id") -> Project:
    """The project of that id.

    Raises:
        NotFoundError: there is none; the hint offers near names.
    """
    project = records.projects.get(checked_name(project_id, field))
    if project is None:
        near = did_you_mean(project_id, records.projects.ids())
        raise NotFoundError(
            f"{field}: no project {project_id!r}.", f"Call get_projects, or create_project first. {near}"
        )
    return project


def create(records: Records, project: Project, members: tuple[str, ...], actor: str | None, now: Millis) -> Project:
    """Creates a project under the id that was given.

    Raises:
        ConflictError: the id is taken.
        NotFoundError: a member is not registered.
    """
    checked_name(project.id, "id")
    _checked(project)
    if records.projects.get(project.id) is not None:
        raise ConflictError(f"id: project {project.id!r} exists.", "Call update_project, or choose another id.")
    records.projects.put(project)
    record(records, "project.created", now, actor=actor, subject=project.id, project_id=project.id)
    for member in dict.fromkeys(members):
        join(records, project.id, member, now)
    return project


def update(records: Records, project_id: str, change: ProjectUpdate, actor: str | None, now: Millis) -> Project:
    """Changes what is given and leaves the rest."""
    known = required(records, project_id, "id")
    project = replace(
        known,
        name=known.name if change.name is None else change.name,
        description=known.description if change.description is None else change.description,
        status=change.status or known.status,
        priority=change.priority or known.priority,
        tags=known.tags if change.tags is None else change.tags,
        metadata=known.metadata if change.metadata is None else merged(known.metadata, change.metadata),
        updated_at=now,
    )
    _checked(project)
    records.projects.put(project)
    for member in dict.fromkeys(change.add_members):
        join(records, project_id, member, now)
    for member in dict.fromkeys(change.remove_members):
        if records.projects.remove_member(project_id, member):
            record(records, "member.left", now, actor=member, subject=project_id, project_id=project_id)
    data = {"status": project.status} if project.status != known.status else {}
    record(records, "project.updated", now, actor=actor, subject=project_id, project_id=project_id, data=data)
    return project


def join(records: Records, project_id: str, instance_id: str, now: Millis) -> bool:
    """Makes an instance a member; messages to the project's team are delivered to it, earlier ones too.

    Returns:
        Whether it was not a member before.
    """
    instance = instances.required(records, instance_id, "members")
    if not records.projects.add_member(project_id, instance_id, now):
        return False
    record(records, "member.joined", now, actor=instance_id, subject=project_id, project_id=project_id)
    messages.deliver_waiting(records, instance, now)
    return True


def delete(records: Records, project_id: str, *, hard: bool, actor: str | None, now: Millis) -> Project:
    """Archives a project, or with ``hard`` removes it with its tasks; messages and lessons stay.

    Raises:
        ConflictError: ``hard``, and somebody holds one of its tasks.
    """
    project = required(records, project_id, "id")
    if not hard:
        return update(records, project_id, ProjectUpdate(status="archived"), actor, now)
    holders = records.tasks.holders(project_id)
    if holders:
        raise ConflictError(
            f"id: {', '.join(holders)} still hold tasks of project {project_id!r}.",
            "Complete or release them first, or archive the project with hard_delete=false.",
        )
    records.projects.delete(project_id)
    record(records, "project.deleted", now, actor=actor, subject=project_id, project_id=project_id)
    return project


def _checked(project: Project) -> None:
    checked_text(project.name, "name", MAX_TITLE)
    checked_text(project.description, "description")
    if not project.name.strip():
        raise InvalidError("name: it is empty.", "Give the project a name.")
