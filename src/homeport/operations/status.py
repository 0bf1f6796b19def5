"""Operations that tell how the server and its data are."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from homeport.coordination import instances, projects
from homeport.coordination.instances import InstanceFilter
from homeport.coordination.lessons import LessonFilter
from homeport.coordination.messages import InboxQuery, MessageFilter
from homeport.coordination.projects import ProjectFilter
from homeport.coordination.store import Records
from homeport.coordination.tasks import TaskFilter
from homeport.coordination.values import ACTIVE_WINDOW, JsonObject, Page, iso
from homeport.operations import render
from homeport.operations.operation import Arguments, Call, Http, Operation

PROTOCOL: Final = "mcp"


class Nothing(Arguments):
    """No arguments."""


class OfInstance(Arguments):
    """Arguments of ``get_message_stats`` and ``get_instance_stats``."""

    instance_id: str | None = None


class OfProject(Arguments):
    """Arguments of ``get_project_stats``."""

    by_project: Annotated[bool | None, Field(description="also each project's own")] = None
    project_id: str | None = None


def _status(records: Records, given: Nothing, call: Call) -> JsonObject:
    del given
    return {
        "status": "healthy",
        "environment": call.place.environment,
        "version": call.place.version,
        **render.compact(release=call.place.release, origin=call.place.origin, speaks_as=call.speaks_as),
        **({"rehearsal": True} if call.place.rehearsal else {}),
        "protocol": PROTOCOL,
        "timestamp": iso(call.now),
        "started": iso(call.place.started_at),
        "schema_version": call.schema_version,
        "data_directory": call.place.data_directory,
        "position": records.events.last(),
        "functions": call.operations,
        "listed": call.listed,
        **render.compact(webhooks_parked=records.webhooks.parked()),
    }


def _messages(records: Records, given: OfInstance, call: Call) -> JsonObject:
    del call
    if given.instance_id is None:
        return {"total": records.messages.count(MessageFilter())}
    counts = records.messages.inbox_counts(given.instance_id)
    sent = records.messages.count(MessageFilter(sender=given.instance_id))
    archived = _archived(records, given.instance_id)
    return {"total": counts.total, "unread": counts.unread, "sent": sent, "archived": archived}


def _archived(records: Records, reader: str) -> int:
    """Counted page by page: an archive has no kept count."""
    count, after = 0, None
    while rows := records.messages.inbox(InboxQuery(reader, archived=True), Page(1000, after)):
        count += len(rows)
        after = (rows[-1].message.seq,)
    return count


def _instances(records: Records, given: OfInstance, call: Call) -> JsonObject:
    if given.instance_id is not None:
        instance = instances.required(records, given.instance_id, "instance_id")
        return {
            "instance": render.instance_line(instance, call.now),
            "holds": len(records.tasks.held_by(instance.id)),
            "completed": records.tasks.count(TaskFilter(status="completed", assigned_to=instance.id)),
            "sent": records.messages.count(MessageFilter(sender=instance.id)),
        }
    since = InstanceFilter(active_since=call.now - ACTIVE_WINDOW)
    return {"total": records.instances.count(InstanceFilter()), "active": records.instances.count(since)}


def _projects(records: Records, given: OfProject, call: Call) -> JsonObject:
    del call
    counts = records.tasks.counts()
    if given.project_id is not None:
        projects.required(records, given.project_id)
        counts = {key: count for key, count in counts.items() if key[0] == given.project_id}
    tasks: dict[str, int] = {}
    for (_, status), count in counts.items():
        tasks[status] = tasks.get(status, 0) + count
    total = 1 if given.project_id else records.projects.count(ProjectFilter())
    lessons = records.lessons.count(LessonFilter(given.project_id))
    answer: JsonObject = {"projects": total, "tasks": tasks, "lessons": lessons}
    if given.by_project:
        each: dict[str, dict[str, int]] = {}
        for (project_id, status), count in counts.items():
            each.setdefault(project_id, {})[status] = count
        answer["by_project"] = each
    return answer


_COUNTS: dict[str, Any] = {"total": {"type": "integer"}}

OPERATIONS = (
    Operation(
        name="get_server_status",
        summary="Which environment and version this is, and where its data lies.",
        arguments=Nothing,
        work=_status,
        kind="read",
        http=Http("GET", "/status"),
        answer={"status": {"type": "string"}, "environment": {"type": "string"}, "version": {"type": "string"}},
    ),
    Operation(
        name="get_message_stats",
        summary="How many messages there are, in all or in one inbox.",
        arguments=OfInstance,
        work=_messages,
        kind="scan",
        http=Http("GET", "/stats/messages"),
        answer=_COUNTS,
        listed=False,
    ),
    Operation(
        name="get_instance_stats",
        summary="How many instances there are and are active, or what one holds and did.",
        arguments=OfInstance,
        work=_instances,
        kind="scan",
        http=Http("GET", "/stats/instances"),
        answer=_COUNTS,
        listed=False,
    ),
    Operation(
        name="get_project_stats",
        summary="How many tasks are in which status, in all projects or in one.",
        arguments=OfProject,
        work=_projects,
        kind="scan",
        http=Http("GET", "/stats/projects"),
        answer={"projects": {"type": "integer"}, "tasks": {"type": "object"}},
        listed=False,
    ),
)
