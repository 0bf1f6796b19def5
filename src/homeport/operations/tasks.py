"""Operations on tasks."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from homeport.coordination import claims, instances, lessons, progress, projects, tasks
from homeport.coordination.progress import TaskUpdate, Writer
from homeport.coordination.search import words_of
from homeport.coordination.store import Records
from homeport.coordination.tasks import NO_PROJECT, PRIORITIES, Task, TaskFilter
from homeport.coordination.values import MAX_ITEMS, JsonObject, Page, iso
from homeport.operations import cursors, render
from homeport.operations.budget import page
from homeport.operations.kinds import Cursor, InstanceId, Limit, Metadata, Tags, TaskPriority, TaskStatus
from homeport.operations.operation import Arguments, Call, Http, Mutation, Operation

TaskId = Annotated[str, Field(description="id, or project/id")]
Dependencies = Annotated[list[str], Field(max_length=MAX_ITEMS, description="task ids to be completed first")]


class GetTasks(Arguments):
    """Arguments of ``get_tasks``."""

    project_id: str | None = None
    status: TaskStatus | None = None
    priority: TaskPriority | None = None
    assigned_to: str | None = None
    assignee: Annotated[str | None, Field(description="same as assigned_to")] = None
    tags: Tags | None = None
    query: Annotated[str | None, Field(max_length=500, description="words")] = None
    overdue: Annotated[bool | None, Field(description="past metadata.due")] = None
    limit: Limit | None = None
    cursor: Cursor | None = None


class GetPendingTasks(Arguments):
    """Arguments of ``get_pending_tasks``."""

    priority: TaskPriority | None = None
    role: str | None = None
    project_id: str | None = None
    limit: Limit | None = None
    cursor: Cursor | None = None


class GetTask(Arguments):
    """Arguments of ``get_task``."""

    id: TaskId
    project_id: str | None = None


class CreateTask(Mutation):
    """Arguments of ``create_task``."""

    id: str
    title: str
    description: str
    project_id: str | None = None
    priority: TaskPriority = "medium"
    role: Annotated[str | None, Field(description="who may take it; anybody if left out")] = None
    assigned_to: str | None = None
    estimated_effort: str | None = None
    tags: Tags | None = None
    dependencies: Dependencies | None = None
    metadata: Metadata | None = None


class ClaimTask(Mutation):
    """Arguments of ``claim_task``."""

    id: TaskId
    instance_id: InstanceId
    project_id: str | None = None


class ClaimNextTask(Mutation):
    """Arguments of ``claim_next_task``."""

    instance_id: InstanceId
    project_id: str | None = None


class TaskChanges(Arguments):
    """What ``update_task`` can change."""

    title: str | None = None
    description: str | None = None
    status: TaskStatus | None = None
    priority: TaskPriority | None = None
    assigned_to: str | None = None
    role: str | None = None
    dependencies: Dependencies | None = None
    estimated_effort: str | None = None
    completion_notes: str | None = None
    tags: Tags | None = None
    metadata: Metadata | None = None


class UpdateTask(Mutation):
    """Arguments of ``update_task``."""

    id: TaskId
    updates: TaskChanges
    instance_id: Annotated[str | None, Field(alias="instanceId", description="you")] = None
    fence: Annotated[int | None, Field(description="from your claim: refuses a write that comes too late")] = None
    project_id: str | None = None


def _page(records: Records, which: TaskFilter, given: GetTasks | GetPendingTasks, call: Call) -> JsonObject:
    limit = given.limit or 50
    rows = records.tasks.select(which, Page(limit + 1, cursors.decode(given.cursor, int, int)))
    items, rest = page(rows, limit, render.task_line, _position, call.budget)
    return {"tasks": items, "total": records.tasks.count(which), **rest}


def _position(one: Task) -> cursors.Position:
    return PRIORITIES.index(one.priority), one.seq


def _list(records: Records, given: GetTasks, call: Call) -> JsonObject:
    if given.project_id:
        projects.required(records, given.project_id)
    which = TaskFilter(
        project_id=given.project_id,
        status=given.status,
        priority=given.priority,
        assigned_to=given.assigned_to or given.assignee,
        tags=tuple(given.tags or ()),
        words=words_of(given.query) if given.query else (),
        due_before=iso(call.now)[:10] if given.overdue else None,
    )
    return _page(records, which, given, call)


def _pending(records: Records, given: GetPendingTasks, call: Call) -> JsonObject:
    which = TaskFilter(project_id=given.project_id, status="pending", priority=given.priority, role=given.role)
    return _page(records, which, given, call)


def _get(records: Records, given: GetTask, call: Call) -> JsonObject:
    del call
    task = tasks.required(records, given.id, given.project_id)
    return {"task": render.task(task), **render.compact(waits_for=records.tasks.unfinished_dependencies(task))}


def _create(records: Records, given: CreateTask, call: Call) -> JsonObject:
    if given.assigned_to is not None:
        instances.required(records, given.assigned_to, "assigned_to")
    task = Task(
        project_id=given.project_id or NO_PROJECT,
        id=given.id,
        title=given.title,
        description=given.description,
        status="pending",
        priority=given.priority,
        created_at=call.now,
        updated_at=call.now,
        assigned_to=given.assigned_to,
        role=given.role,
        dependencies=tuple(given.dependencies or ()),
        estimated_effort=given.estimated_effort,
        tags=tuple(given.tags or ()),
        metadata=given.metadata or {},
    )
    return {"task": render.task_written(tasks.create(records, task, None, call.now))}


def _with_lessons(records: Records, task: Task) -> JsonObject:
    """A task as its new holder needs it: the fence to write with, and what others learned."""
    learned = [render.lesson_line(lesson) for lesson in lessons.for_task(records, task)]
    return {"task": render.task(task), **render.compact(lessons=learned)}


def _claim(records: Records, given: ClaimTask, call: Call) -> JsonObject:
    task = tasks.required(records, given.id, given.project_id)
    return _with_lessons(records, claims.claim(records, task, given.instance_id, call.now))


def _claim_next(records: Records, given: ClaimNextTask, call: Call) -> JsonObject:
    task = claims.claim_next(records, given.instance_id, given.project_id, call.now)
    if task is not None:
        return _with_lessons(records, task)
    pending = records.tasks.count(TaskFilter(project_id=given.project_id, status="pending"))
    why = "no task is pending. wait_for_messages tells when others write; create_task makes work."
    if pending:
        why = f"{pending} pending, but they wait for other tasks, or are for others. get_pending_tasks shows them."
    return {"task": None, "why": f"Nothing to take now: {why}"}


def _update(records: Records, given: UpdateTask, call: Call) -> JsonObject:
    said = given.updates
    change = TaskUpdate(
        title=said.title,
        description=said.description,
        status=said.status,
        priority=said.priority,
        assigned_to=said.assigned_to,
        release="assigned_to" in said.model_fields_set and said.assigned_to is None,
        role=said.role,
        dependencies=None if said.dependencies is None else tuple(said.dependencies),
        estimated_effort=said.estimated_effort,
        completion_notes=said.completion_notes,
        tags=None if said.tags is None else tuple(said.tags),
        metadata=said.metadata,
    )
    task = tasks.required(records, given.id, given.project_id)
    writer = Writer(given.instance_id, given.fence)
    return {"task": render.task_written(progress.update(records, task, change, writer, call.now))}


_TASK: dict[str, Any] = {"task": {"type": "object"}}
_TASKS: dict[str, Any] = {"tasks": {"type": "array"}, "total": {"type": "integer"}}
_MAYBE: dict[str, Any] = {"task": {"type": ["object", "null"]}, "lessons": {"type": "array"}}

OPERATIONS = (
    Operation(
        name="get_tasks",
        summary="Tasks by priority, with the beginning of their descriptions.",
        arguments=GetTasks,
        work=_list,
        kind="read",
        http=Http("GET", "/tasks"),
        answer=_TASKS,
    ),
    Operation(
        name="get_pending_tasks",
        summary="Tasks that nobody has taken.",
        arguments=GetPendingTasks,
        work=_pending,
        kind="read",
        http=Http("GET", "/tasks/pending"),
        answer=_TASKS,
    ),
    Operation(
        name="get_task",
        summary="One task, whole.",
        arguments=GetTask,
        work=_get,
        kind="read",
        http=Http("GET", "/tasks/{id}"),
        answer=_TASK,
    ),
    Operation(
        name="create_task",
        summary="Create a task; its id is unique within the project.",
        arguments=CreateTask,
        work=_create,
        kind="write",
        http=Http("POST", "/tasks"),
        answer=_TASK,
    ),
    Operation(
        name="claim_task",
        summary="Take a task: exactly one wins, and holds it for 15 minutes after each sign of life. Answers with its "
        "fence and with lessons that help.",
        arguments=ClaimTask,
        work=_claim,
        kind="write",
        http=Http("POST", "/tasks/{id}/claim"),
        actor="instance_id",
        answer=_MAYBE,
    ),
    Operation(
        name="claim_next_task",
        summary="Take the best task that you may take and that waits for nothing.",
        arguments=ClaimNextTask,
        work=_claim_next,
        kind="write",
        http=Http("POST", "/tasks/claim-next"),
        actor="instance_id",
        answer=_MAYBE,
    ),
    Operation(
        name="update_task",
        summary="Change a task. Status goes claimed, in_progress, completed; blocked or back to pending (release).",
        arguments=UpdateTask,
        work=_update,
        kind="write",
        http=Http("PATCH", "/tasks/{id}"),
        actor="instance_id",
        answer=_TASK,
    ),
)
