"""Operations on projects."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from homeport.coordination import projects
from homeport.coordination.projects import Project, ProjectFilter, ProjectUpdate
from homeport.coordination.store import Records
from homeport.coordination.values import MAX_ITEMS, JsonObject, Page
from homeport.operations import cursors, render
from homeport.operations.budget import page
from homeport.operations.kinds import Cursor, Limit, Metadata, ProjectStatus, Tags, TaskPriority
from homeport.operations.operation import Arguments, Call, Http, Mutation, Operation

Members = Annotated[list[str], Field(max_length=MAX_ITEMS, description="instance ids")]


class GetProjects(Arguments):
    """Arguments of ``get_projects``."""

    status: ProjectStatus | None = None
    priority: TaskPriority | None = None
    tags: Tags | None = None
    limit: Limit | None = None
    cursor: Cursor | None = None


class GetProject(Arguments):
    """Arguments of ``get_project``."""

    id: str


class CreateProject(Mutation):
    """Arguments of ``create_project``."""

    id: str
    name: str
    description: str
    priority: TaskPriority = "medium"
    status: ProjectStatus = "active"
    tags: Tags | None = None
    members: Members | None = None
    metadata: Metadata | None = None


class ProjectChanges(Arguments):
    """What ``update_project`` can change."""

    name: str | None = None
    description: str | None = None
    status: ProjectStatus | None = None
    priority: TaskPriority | None = None
    tags: Tags | None = None
    metadata: Metadata | None = None
    add_members: Members | None = None
    remove_members: Members | None = None


class UpdateProject(Mutation):
    """Arguments of ``update_project``."""

    id: str
    updates: ProjectChanges


class DeleteProject(Mutation):
    """Arguments of ``delete_project``."""

    id: str
    hard_delete: Annotated[bool | None, Field(description="remove it and its tasks; else it is archived")] = None


def _list(records: Records, given: GetProjects, call: Call) -> JsonObject:
    which = ProjectFilter(given.status, given.priority, tuple(given.tags or ()))
    limit = given.limit or 50
    rows = records.projects.select(which, Page(limit + 1, cursors.decode(given.cursor, str)))
    items, rest = page(rows, limit, render.project_line, lambda one: (one.id,), call.budget)
    return {"projects": items, "total": records.projects.count(which), **rest}


def _shown(records: Records, project: Project) -> JsonObject:
    counts = records.tasks.counts()
    tasks = {status: count for (project_id, status), count in counts.items() if project_id == project.id}
    return {
        "project": {
            **render.project(project),
            "members": records.projects.members(project.id),
            "tasks": tasks,
        }
    }


def _get(records: Records, given: GetProject, call: Call) -> JsonObject:
    del call
    return _shown(records, projects.required(records, given.id, "id"))


def _create(records: Records, given: CreateProject, call: Call) -> JsonObject:
    project = Project(
        id=given.id,
        name=given.name,
        description=given.description,
        status=given.status,
        priority=given.priority,
        created_at=call.now,
        updated_at=call.now,
        tags=tuple(given.tags or ()),
        metadata=given.metadata or {},
    )
    return _shown(records, projects.create(records, project, tuple(given.members or ()), None, call.now))


def _update(records: Records, given: UpdateProject, call: Call) -> JsonObject:
    said = given.updates
    change = ProjectUpdate(
        name=said.name,
        description=said.description,
        status=said.status,
        priority=said.priority,
        tags=None if said.tags is None else tuple(said.tags),
        metadata=said.metadata,
        add_members=tuple(said.add_members or ()),
        remove_members=tuple(said.remove_members or ()),
    )
    return _shown(records, projects.update(records, given.id, change, None, call.now))


def _delete(records: Records, given: DeleteProject, call: Call) -> JsonObject:
    hard = bool(given.hard_delete)
    project = projects.delete(records, given.id, hard=hard, actor=None, now=call.now)
    return {"project": render.project(project), "deleted": hard}


_PROJECT: dict[str, Any] = {"project": {"type": "object"}}

OPERATIONS = (
    Operation(
        name="get_projects",
        summary="Projects, with the beginning of their descriptions.",
        arguments=GetProjects,
        work=_list,
        kind="read",
        http=Http("GET", "/projects"),
        answer={"projects": {"type": "array"}, "total": {"type": "integer"}},
    ),
    Operation(
        name="get_project",
        summary="One project, whole: members and how many tasks are in which status.",
        arguments=GetProject,
        work=_get,
        kind="read",
        http=Http("GET", "/projects/{id}"),
        answer=_PROJECT,
    ),
    Operation(
        name="create_project",
        summary="Create a project under an id of your choice.",
        arguments=CreateProject,
        work=_create,
        kind="write",
        http=Http("POST", "/projects"),
        answer=_PROJECT,
    ),
    Operation(
        name="update_project",
        summary="Change a project; add_members lets instances join.",
        arguments=UpdateProject,
        work=_update,
        kind="write",
        http=Http("PATCH", "/projects/{id}"),
        answer=_PROJECT,
    ),
    Operation(
        name="delete_project",
        summary="Archive a project, or with hard_delete remove it and its tasks.",
        arguments=DeleteProject,
        work=_delete,
        kind="write",
        http=Http("DELETE", "/projects/{id}"),
        answer=_PROJECT,
        listed=False,
        destructive=True,
    ),
)
