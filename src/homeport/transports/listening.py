"""``subscriptions/listen`` of 2026-07-28: a request whose answer is the stream of what it asked for."""

from __future__ import annotations

from typing import Any, cast

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp_types import (
    NotificationParams,
    PromptListChangedNotification,
    ResourceListChangedNotification,
    ResourceUpdatedNotification,
    ResourceUpdatedNotificationParams,
    ServerNotification,
    SubscriptionFilter,
    SubscriptionsAcknowledgedNotification,
    SubscriptionsAcknowledgedNotificationParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    ToolListChangedNotification,
)
from pydantic import BaseModel

from homeport.errors import CallError
from homeport.transports import subscriptions
from homeport.transports.handlers import Handlers, exchange_of
from homeport.transports.jsonrpc import REFUSED
from homeport.transports.outbox import Outbox
from homeport.transports.places import NoPlaceError, Places
from homeport.transports.subscriptions import LISTS, MAX_SUBSCRIPTIONS, PROMPTS, TOOLS, Subscriptions, told
from homeport.transports.tasks_extension import KEY, TasksExtension, declares, missing


class _TaskNotification(BaseModel):
    method: str = "notifications/tasks"
    params: dict[str, Any]


class Listening:
    """Serves one stream for each call.

    Args:
        told_of: who wants to be told of what.
        places: for streams.
        handlers: know what a caller may be told of.
        tasks: knows calls that are answered later.
    """

    def __init__(self, told_of: Subscriptions, places: Places, handlers: Handlers, tasks: TasksExtension) -> None:
        self._subscriptions = told_of
        self._places = places
        self._handlers = handlers
        self._tasks = tasks
        self._open: set[Outbox] = set()

    def close(self) -> None:
        """Ends all streams, each with its result."""
        for outbox in self._open:
            outbox.end()

    async def __call__(
        self, context: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        exchange = exchange_of(context)
        exchange.tool = "subscriptions/listen"
        try:
            with self._places.taken(exchange):
                return await self._serve(context, params.notifications)
        except NoPlaceError as error:
            raise MCPError(REFUSED["limited" if error.status == 429 else "unavailable"], error.sentence) from None

    async def _serve(
        self, context: ServerRequestContext[Any, Any], wanted: SubscriptionFilter
    ) -> SubscriptionsListenResult:
        if _task_ids(wanted) and not declares(context):
            raise missing()
        meta: dict[str, Any] = {SUBSCRIPTION_ID_META_KEY: context.request_id}
        outbox = Outbox(told)
        self._open.add(outbox)
        followed: list[str] = []
        try:
            followed = await self._tasks.follow(context, _task_ids(wanted)[:MAX_SUBSCRIPTIONS])
            honoured = self._honoured(context, wanted)
            for key in _keys(honoured):
                self._subscriptions.add(outbox, key)
            acknowledged = SubscriptionsAcknowledgedNotificationParams(notifications=honoured, meta=meta)
            await self._send(context, SubscriptionsAcknowledgedNotification(params=acknowledged))
            for task_id in _task_ids(honoured):
                # What became of it since the client was handed it.
                outbox.changed(f"{KEY}{task_id}")
            while (keys := await outbox.take_changed()) is not None:
                for key in keys:
                    await self._tell(context, key, meta)
        finally:
            self._open.discard(outbox)
            self._subscriptions.drop(outbox)
            self._tasks.leave(context, followed)
        return SubscriptionsListenResult(meta=meta)

    async def _tell(self, context: ServerRequestContext[Any, Any], key: str, meta: dict[str, Any]) -> None:
        if not key.startswith(KEY):
            await self._send(context, _notification(key, meta))
        elif (whole := self._tasks.whole(context, key.removeprefix(KEY))) is not None:
            # The SDK has no type for it, and sends whatever can be dumped.
            await self._send(context, cast("ServerNotification", _TaskNotification(params={**whole, "_meta": meta})))

    async def _send(self, context: ServerRequestContext[Any, Any], notification: ServerNotification) -> None:
        await context.session.send_notification(notification, related_request_id=context.request_id)

    def _honoured(self, context: ServerRequestContext[Any, Any], wanted: SubscriptionFilter) -> SubscriptionFilter:
        """What of it will be told: the acknowledgement names nothing that the caller may not know."""
        uris = [uri for uri in dict.fromkeys(wanted.resource_subscriptions or ()) if self._may(context, uri)]
        ids = [one for one in _task_ids(wanted)[:MAX_SUBSCRIPTIONS] if self._tasks.whole(context, one) is not None]
        return SubscriptionFilter(
            tools_list_changed=wanted.tools_list_changed or None,
            prompts_list_changed=wanted.prompts_list_changed or None,
            resources_list_changed=wanted.resources_list_changed or None,
            resource_subscriptions=uris[:MAX_SUBSCRIPTIONS] or None,
            **({"taskIds": ids} if ids else {}),
        )

    def _may(self, context: ServerRequestContext[Any, Any], uri: str) -> bool:
        try:
            self._handlers.check_watchable(uri, exchange_of(context))
        except CallError:
            return False
        return True


def _keys(honoured: SubscriptionFilter) -> list[str]:
    lists = [
        (TOOLS, honoured.tools_list_changed),
        (PROMPTS, honoured.prompts_list_changed),
        (LISTS, honoured.resources_list_changed),
    ]
    tasks = [f"{KEY}{one}" for one in _task_ids(honoured)]
    return [*(key for key, wanted in lists if wanted), *(honoured.resource_subscriptions or ()), *tasks]


def _task_ids(filters: SubscriptionFilter) -> list[str]:
    """What the Tasks extension adds to the filter."""
    ids = (filters.model_extra or {}).get("taskIds")
    return [one for one in dict.fromkeys(ids) if isinstance(one, str)] if isinstance(ids, list) else []


def _notification(key: str, meta: dict[str, Any]) -> ServerNotification:
    match key:
        case subscriptions.TOOLS:
            return ToolListChangedNotification(params=NotificationParams(meta=meta))
        case subscriptions.PROMPTS:
            return PromptListChangedNotification(params=NotificationParams(meta=meta))
        case subscriptions.LISTS:
            return ResourceListChangedNotification(params=NotificationParams(meta=meta))
    return ResourceUpdatedNotification(params=ResourceUpdatedNotificationParams(uri=key, meta=meta))
