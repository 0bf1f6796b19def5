"""Operations on instances."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from homeport.coordination import instances, presence
from homeport.coordination.instances import InstanceFilter
from homeport.coordination.presence import Registration
from homeport.coordination.store import Records
from homeport.coordination.values import ACTIVE_WINDOW, MAX_ITEMS, JsonObject, Page
from homeport.operations import cursors, render
from homeport.operations.budget import page
from homeport.operations.kinds import Cursor, InstanceId, Limit, Metadata
from homeport.operations.operation import Arguments, Call, Http, Mutation, Operation


class RegisterInstance(Mutation):
    """Arguments of ``register_instance``."""

    instance_id: InstanceId
    role: str
    capabilities: Annotated[list[str] | None, Field(max_length=MAX_ITEMS)] = None
    metadata: Metadata | None = None


class UpdateHeartbeat(Mutation):
    """Arguments of ``update_heartbeat``."""

    instance_id: InstanceId
    status: Annotated[str | None, Field(description="such as active, busy, idle", max_length=100)] = None
    metadata: Metadata | None = None


class GetInstances(Arguments):
    """Arguments of ``get_instances``."""

    active_only: Annotated[bool | None, Field(description="seen within 15 minutes")] = None
    role: str | None = None
    status: str | None = None
    limit: Limit | None = None
    cursor: Cursor | None = None


class GetInstance(Arguments):
    """Arguments of ``get_instance``."""

    instance_id: InstanceId


class DeactivateInstance(Mutation):
    """Arguments of ``deactivate_instance``."""

    instance_id: InstanceId
    reason: Annotated[str | None, Field(max_length=1000)] = None


def _register(records: Records, given: RegisterInstance, call: Call) -> JsonObject:
    capabilities = None if given.capabilities is None else tuple(given.capabilities)
    said = Registration(given.instance_id, given.role, capabilities, given.metadata or {})
    instance, is_new = presence.register(records, said, call.now)
    return {"instance": render.instance(instance, call.now), "is_new": is_new}


def _heartbeat(records: Records, given: UpdateHeartbeat, call: Call) -> JsonObject:
    instance = presence.heartbeat(records, given.instance_id, given.status, given.metadata or {}, call.now)
    counts = records.messages.inbox_counts(instance.id)
    return {"instance": render.instance_line(instance, call.now), "unread": counts.unread}


def _list(records: Records, given: GetInstances, call: Call) -> JsonObject:
    since = call.now - ACTIVE_WINDOW if given.active_only else None
    which = InstanceFilter(since, given.role, given.status)
    limit = given.limit or 50
    rows = records.instances.select(which, Page(limit + 1, cursors.decode(given.cursor, str)))
    items, rest = page(rows, limit, lambda one: render.instance_line(one, call.now), lambda one: (one.id,), call.budget)
    return {"instances": items, "total": records.instances.count(which), **rest}


def _get(records: Records, given: GetInstance, call: Call) -> JsonObject:
    instance = instances.required(records, given.instance_id)
    held = [render.task_line(task) for task in records.tasks.held_by(instance.id)]
    shown = {
        **render.instance(instance, call.now),
        "tasks_claimed": len(held),
        "projects": records.projects.projects_of(instance.id),
    }
    return {"instance": shown, **render.compact(holds=held)}


def _deactivate(records: Records, given: DeactivateInstance, call: Call) -> JsonObject:
    instance = presence.deactivate(records, given.instance_id, given.reason, call.now)
    return {"instance": render.instance(instance, call.now)}


_INSTANCE: dict[str, Any] = {"instance": {"type": "object"}}

OPERATIONS = (
    Operation(
        name="register_instance",
        summary="Register under an id of your own, or come back under it: identity, tasks and messages stay.",
        arguments=RegisterInstance,
        work=_register,
        kind="write",
        http=Http("POST", "/instances"),
        actor="instance_id",
        answer={**_INSTANCE, "is_new": {"type": "boolean"}},
    ),
    Operation(
        name="update_heartbeat",
        summary="Say that you are alive; renews the leases of your tasks. Tells how many messages are unread.",
        arguments=UpdateHeartbeat,
        work=_heartbeat,
        kind="write",
        http=Http("POST", "/instances/{instanceId}/heartbeat"),
        actor="instance_id",
        answer={**_INSTANCE, "unread": {"type": "integer"}},
    ),
    Operation(
        name="get_instances",
        summary="Who takes part, and who is here now.",
        arguments=GetInstances,
        work=_list,
        kind="read",
        http=Http("GET", "/instances"),
        answer={"instances": {"type": "array"}, "total": {"type": "integer"}},
    ),
    Operation(
        name="get_instance",
        summary="One instance: role, presence, projects and what it holds.",
        arguments=GetInstance,
        work=_get,
        kind="read",
        http=Http("GET", "/instances/{instanceId}"),
        answer=_INSTANCE,
    ),
    Operation(
        name="deactivate_instance",
        summary="Sign an instance off; the tasks that it holds return to everybody.",
        arguments=DeactivateInstance,
        work=_deactivate,
        kind="write",
        http=Http("POST", "/instances/{instanceId}/deactivate"),
        actor="instance_id",
        answer=_INSTANCE,
        listed=False,
    ),
)
