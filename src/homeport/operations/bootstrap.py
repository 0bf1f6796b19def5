"""``bootstrap``: the first call of an agent. Who am I, what waits for me, who is here, what next."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from homeport.coordination import claims, lessons, presence, projects
from homeport.coordination.instances import Instance, InstanceFilter
from homeport.coordination.messages import InboxQuery
from homeport.coordination.presence import Registration
from homeport.coordination.store import Records
from homeport.coordination.tasks import TaskFilter
from homeport.coordination.values import ACTIVE_WINDOW, JsonObject, Page
from homeport.operations import render
from homeport.operations.budget import page
from homeport.operations.operation import Call, Http, Mutation, Operation

SHOWN: Final = 5
"""How many of each list a bootstrap shows; the lists themselves are a call away."""
PART: Final = 2_000
"""What each of them may cost, as :data:`~homeport.operations.budget.LIST_COST`."""


class Bootstrap(Mutation):
    """Arguments of ``bootstrap``."""

    role: str
    instance_id: Annotated[
        str | None, Field(alias="instanceId", description="your id from before; a new one is made if left out")
    ] = None
    project: Annotated[str | None, Field(description="project id to join")] = None
    specialization: Annotated[str | None, Field(max_length=200)] = None
    personality: Annotated[str | None, Field(max_length=200)] = None
    detail_level: Annotated[str | None, Field(max_length=40)] = None


def _bootstrap(records: Records, given: Bootstrap, call: Call) -> JsonObject:
    instance_id = given.instance_id or call.ids.new(_stem(given.role), call.now)
    about = render.compact(specialization=given.specialization, personality=given.personality)
    if given.project is not None:
        projects.required(records, given.project, "project")
    instance, is_new = presence.register(records, Registration(instance_id, given.role, None, about), call.now)
    if given.project is not None:
        projects.join(records, given.project, instance.id, call.now)
    claims.end_leases(records, call.now)
    return {
        "identity": {
            **render.instance_line(instance, call.now),
            "is_new": is_new,
            "sessions": instance.sessions,
            "projects": records.projects.projects_of(instance.id),
        },
        "environment": call.place.environment,
        "protocol": _protocol(instance, is_new),
        **render.compact(project=_project(records, given.project)),
        **_waiting(records, instance, given.project, call),
        "team": _team(records, instance, call),
        "next_actions": _next_actions(records, instance, given.project),
        **render.compact(lessons=_lessons(records, instance, given.project)),
    }


def _stem(role: str) -> str:
    return "".join(letter for letter in role.casefold() if letter.isalnum())[:40] or "agent"


def _protocol(instance: Instance, is_new: bool) -> str:  # noqa: FBT001 - one private caller
    known = "You are new here." if is_new else f"Welcome back; this is your session {instance.sessions}."
    return (
        f"{known} Your id is {instance.id}: give it as instanceId (from, reader_id) in every call, and in your next"
        " bootstrap. Every call shows that you are alive; after 15 silent minutes your tasks return to the others."
    )


def _project(records: Records, project_id: str | None) -> JsonObject | None:
    if project_id is None:
        return None
    project = projects.required(records, project_id)
    return {**render.project_line(project), "members": records.projects.members(project_id)[:20]}


def _waiting(records: Records, instance: Instance, project_id: str | None, call: Call) -> JsonObject:
    """What the instance holds, its unread messages, and what it could take."""
    del call
    held = [render.task_line(task) for task in records.tasks.held_by(instance.id)[:SHOWN]]
    counts = records.messages.inbox_counts(instance.id)
    unread = records.messages.inbox(InboxQuery(instance.id, unread_only=True), Page(SHOWN + 1))
    shown, _ = page(unread, SHOWN, render.delivery_line, lambda one: (one.message.seq,), PART)
    which = TaskFilter(project_id=project_id, status="pending", role=instance.role)
    pending = records.tasks.select(which, Page(SHOWN + 1))
    free, _ = page(pending, SHOWN, render.task_line, lambda one: (one.seq,), PART)
    return {
        "messages": {"unread": counts.unread, "total": counts.total, "newest": shown},
        "tasks": {"yours": held, "pending": records.tasks.count(which), "first": free},
    }


def _team(records: Records, instance: Instance, call: Call) -> list[JsonObject]:
    """Who else is here now."""
    here = records.instances.select(InstanceFilter(active_since=call.now - ACTIVE_WINDOW), Page(21))
    others = [one for one in here if one.id != instance.id]
    return [{"id": one.id, "role": one.role, "status": one.status} for one in others[:20]]


def _lessons(records: Records, instance: Instance, project_id: str | None) -> list[JsonObject]:
    return [render.lesson_line(one, 160) for one in lessons.for_role(records, instance.role, project_id)]


def _next_actions(records: Records, instance: Instance, project_id: str | None) -> list[str]:
    """What to do first, most pressing first."""
    actions = []
    held = records.tasks.held_by(instance.id)
    if held:
        actions.append(
            f"Go on with {held[0].reference} ({held[0].status}): get_task shows it, and the fence to write with."
        )
    unread = records.messages.inbox_counts(instance.id).unread
    if unread:
        actions.append(f"Read your {unread} unread messages: get_messages with unread_only, then mark_message_read.")
    if not held:
        place = f" with project_id {project_id}" if project_id else ""
        actions.append(
            f"Take work: claim_next_task{place} gives you the best task that is free; create_task makes one."
        )
    actions.append("Then wait_for_messages to hear from others, and submit_lessons when you have learned something.")
    return actions


OPERATIONS = (
    Operation(
        name="bootstrap",
        summary="Start here: who you are, what waits for you, who is here, what next. Give your instanceId from before "
        "to be the same again.",
        arguments=Bootstrap,
        work=_bootstrap,
        kind="write",
        http=Http("POST", "/bootstrap"),
        actor="instance_id",
        answer={
            "identity": {"type": "object"},
            "messages": {"type": "object"},
            "tasks": {"type": "object"},
            "team": {"type": "array"},
            "next_actions": {"type": "array"},
        },
    ),
)
