"""Operations on messages."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from homeport.coordination import addresses, messages
from homeport.coordination.messages import Delivery, Draft, InboxQuery, MessageFilter
from homeport.coordination.store import Records
from homeport.coordination.values import MAX_ITEMS, JsonObject, Page, did_you_mean
from homeport.errors import NotFoundError
from homeport.operations import cursors, render
from homeport.operations.budget import page
from homeport.operations.kinds import Cursor, InstanceId, Limit, MessagePriority, Metadata, Tags
from homeport.operations.operation import Arguments, Call, Http, Mutation, Operation

DEFAULT_LIMIT = 20


class SendMessage(Mutation):
    """Arguments of ``send_message``."""

    to: Annotated[
        str | list[str],
        Field(description="instance id, role, project-team:<project>, all; several with commas"),
    ]
    sender: Annotated[str, Field(alias="from")]
    subject: str
    content: str
    priority: MessagePriority = "normal"
    type: Annotated[str, Field(max_length=100)] = "message"
    tags: Tags | None = None
    thread_id: str | None = None
    reply_to: Annotated[str | None, Field(description="message id; keeps its thread")] = None
    metadata: Metadata | None = None


class GetMessages(Arguments):
    """Arguments of ``get_messages``."""

    instance_id: Annotated[
        str | None, Field(alias="instanceId", description="whose inbox; all messages if left out")
    ] = None
    unread_only: bool | None = None
    limit: Limit | None = None
    to: str | None = None
    sender: Annotated[str | None, Field(alias="from")] = None
    status: Annotated[str | None, Field(description="read, unread, or as sent")] = None
    type: str | None = None
    priority: MessagePriority | None = None
    tags: Tags | None = None
    thread_id: str | None = None
    cursor: Cursor | None = None


class GetMessage(Arguments):
    """Arguments of ``get_message``."""

    id: str
    instance_id: Annotated[str | None, Field(alias="instanceId", description="tells whether you read it")] = None


class MarkMessageRead(Mutation):
    """Arguments of ``mark_message_read``."""

    id: str
    reader_id: Annotated[str | None, Field(description="who read it; needed if it went to several")] = None


class ArchiveMessage(Mutation):
    """Arguments of ``archive_message``."""

    id: str
    archiver_id: Annotated[str | None, Field(description="whose inbox; needed if it went to several")] = None


class GetArchivedMessages(Arguments):
    """Arguments of ``get_archived_messages``."""

    instance_id: InstanceId
    month: Annotated[str | None, Field(pattern=r"^\d{4}-\d{2}$", description="YYYY-MM of the archiving")] = None
    limit: Limit | None = None
    cursor: Cursor | None = None


class DeleteMessage(Mutation):
    """Arguments of ``delete_message``."""

    id: str
    hard_delete: Annotated[bool | None, Field(description="remove it for good; else it is archived for all")] = None


class WaitForMessages(Arguments):
    """Arguments of ``wait_for_messages``."""

    instance_id: InstanceId
    cursor: Annotated[str | None, Field(description="cursor of the wait before; without: what is unread")] = None
    timeout_seconds: Annotated[float, Field(ge=0, le=120)] = 25.0
    limit: Limit | None = None


def _send(records: Records, given: SendMessage, call: Call) -> JsonObject:
    draft = Draft(
        sender=given.sender,
        to=given.to if isinstance(given.to, str) else tuple(given.to),
        subject=given.subject,
        body=given.content,
        priority=given.priority,
        type=given.type,
        tags=tuple(given.tags or ()),
        thread_id=given.thread_id,
        reply_to=given.reply_to,
        metadata=given.metadata or {},
    )
    sent = messages.send(records, draft, call.ids, call.now)
    answer: JsonObject = {
        "message": {
            "id": sent.message.id,
            "from": sent.message.sender,
            "to": ", ".join(map(str, sent.message.to)),
            "subject": sent.message.subject,
            "status": sent.message.status,
            "created": render.when(sent.message.created_at),
            **render.compact(thread_id=sent.message.thread_id),
        },
        "delivered": len(sent.recipients) - len(sent.waiting_for),
    }
    if sent.waiting_for:
        near = "; ".join(filter(None, (did_you_mean(one, records.instances.ids()) for one in sent.waiting_for[:3])))
        answer["waiting_for"] = list(sent.waiting_for)
        answer["note"] = f"Nobody is registered under these yet; the message waits for them. {near}".strip()
    elif not sent.recipients:
        answer["note"] = "Nobody else is in that group yet; whoever joins it gets the message then."
    return answer


def _filter(records: Records, given: GetMessages, status: str | None) -> MessageFilter:
    channel = None
    if given.to is not None:
        directory = addresses.Directory(records.instances.exists, records.role_known)
        channel = addresses.parse(given.to, directory)[0].channel
    return MessageFilter(
        sender=given.sender,
        channel=channel,
        type=given.type,
        priority=given.priority,
        status=status,
        thread_id=given.thread_id,
        tags=tuple(given.tags or ()),
    )


def _list(records: Records, given: GetMessages, call: Call) -> JsonObject:
    limit = given.limit or DEFAULT_LIMIT
    wanted = Page(limit + 1, cursors.decode(given.cursor, int))
    if given.instance_id is None:
        which = _filter(records, given, given.status)
        found = records.messages.select(which, wanted)
        lines, rest = page(found, limit, render.message_line, lambda one: (one.seq,), call.budget)
        note = "These are everybody's messages; give instanceId for your own inbox."
        return {"messages": lines, "total": records.messages.count(which), "note": note, **rest}
    _known_reader(records, given.instance_id)
    status = given.status if given.status not in ("read", "unread") else None
    query = InboxQuery(
        given.instance_id,
        unread_only=bool(given.unread_only) or given.status == "unread",
        read_only=given.status == "read",
        filter=_filter(records, given, status),
    )
    counts = records.messages.inbox_counts(given.instance_id)
    rows = records.messages.inbox(query, wanted)
    items, rest = page(rows, limit, render.delivery_line, lambda one: (one.message.seq,), call.budget)
    return {"messages": items, "total": counts.total, "unread": counts.unread, **rest}


def _is_everybodys(given: GetMessages) -> bool:
    """An inbox knows how much it holds; how many of all messages fit a filter has to be counted."""
    return given.instance_id is None


def _known_reader(records: Records, reader: str) -> None:
    """Somebody who registered, or for whom mail waits."""
    if not records.instances.exists(reader) and not records.messages.last_arrival(reader):
        near = did_you_mean(reader, records.instances.ids())
        raise NotFoundError(f"instanceId: no instance {reader!r}, and no mail for it.", f"Register first. {near}")


def _get(records: Records, given: GetMessage, call: Call) -> JsonObject:
    del call
    message = messages.required(records, given.id)
    shown = render.message(message)
    if given.instance_id is not None:
        delivery = records.messages.delivery(given.instance_id, message.seq)
        if delivery is not None:
            return {"message": {**shown, **_state(delivery)}}
    deliveries = records.messages.deliveries(message.seq, limit=messages.EVERYBODY)
    readers = [delivery.reader for delivery in deliveries if delivery.read_at is not None]
    return {"message": {**shown, "delivered_to": len(deliveries), **render.compact(read_by=readers[:MAX_ITEMS])}}


def _state(delivery: Delivery) -> JsonObject:
    read = {"unread": delivery.read_at is None}
    return read | render.compact(read_at=render.when(delivery.read_at), archived_at=render.when(delivery.archived_at))


def _mark_read(records: Records, given: MarkMessageRead, call: Call) -> JsonObject:
    delivery = messages.mark_read(records, given.id, given.reader_id, call.now)
    return _brief(delivery)


def _archive(records: Records, given: ArchiveMessage, call: Call) -> JsonObject:
    return _brief(messages.archive(records, given.id, given.archiver_id, call.now))


def _brief(delivery: Delivery) -> JsonObject:
    return {"message": {"id": delivery.message.id, "reader": delivery.reader, **_state(delivery)}}


def _archived(records: Records, given: GetArchivedMessages, call: Call) -> JsonObject:
    _known_reader(records, given.instance_id)
    limit = given.limit or DEFAULT_LIMIT
    query = InboxQuery(given.instance_id, archived=True, archived_month=given.month)
    rows = records.messages.inbox(query, Page(limit + 1, cursors.decode(given.cursor, int)))
    items, rest = page(rows, limit, render.delivery_line, lambda one: (one.message.seq,), call.budget)
    return {"messages": items, **rest}


def _delete(records: Records, given: DeleteMessage, call: Call) -> JsonObject:
    hard = bool(given.hard_delete)
    message = messages.delete(records, given.id, hard=hard, actor=None, now=call.now)
    return {"message": {"id": message.id}, "deleted": hard}


def _wait(records: Records, given: WaitForMessages, call: Call) -> JsonObject:
    del call
    _known_reader(records, given.instance_id)
    after = cursors.number(given.cursor)
    limit = given.limit or DEFAULT_LIMIT
    rows = records.messages.arrivals(given.instance_id, after or 0, unread_only=after is None, limit=limit + 1)
    items, rest = page(rows, limit, render.delivery_line, lambda one: (one.number,))
    last = rows[len(items) - 1].number if rows else records.messages.last_arrival(given.instance_id)
    seen = max(after or 0, last)
    return {"messages": items, "cursor": cursors.encode((seen,)), **({"more": True} if rest else {})}


def _arrived(answer: JsonObject) -> bool:
    return bool(answer["messages"])


_MESSAGE: dict[str, Any] = {"message": {"type": "object"}}
_MESSAGES: dict[str, Any] = {"messages": {"type": "array"}}

OPERATIONS = (
    Operation(
        name="send_message",
        summary="Send a message; whoever it is for gets it once, also if they come later.",
        arguments=SendMessage,
        work=_send,
        kind="write",
        http=Http("POST", "/messages"),
        actor="sender",
        answer={**_MESSAGE, "delivered": {"type": "integer"}, "waiting_for": {"type": "array"}},
    ),
    Operation(
        name="get_messages",
        summary="An inbox, newest first, as previews; get_message has the whole text.",
        arguments=GetMessages,
        work=_list,
        kind="read",
        http=Http("GET", "/messages"),
        actor="instance_id",
        answer={**_MESSAGES, "total": {"type": "integer"}, "unread": {"type": "integer"}},
        long=_is_everybodys,
    ),
    Operation(
        name="get_message",
        summary="One message, whole.",
        arguments=GetMessage,
        work=_get,
        kind="read",
        http=Http("GET", "/messages/{id}"),
        actor="instance_id",
        answer=_MESSAGE,
    ),
    Operation(
        name="mark_message_read",
        summary="Mark a message read for one reader; for others it stays unread.",
        arguments=MarkMessageRead,
        work=_mark_read,
        kind="write",
        http=Http("POST", "/messages/{id}/read"),
        actor="reader_id",
        answer=_MESSAGE,
    ),
    Operation(
        name="archive_message",
        summary="Move a message from one inbox to its archive.",
        arguments=ArchiveMessage,
        work=_archive,
        kind="write",
        http=Http("POST", "/messages/{id}/archive"),
        actor="archiver_id",
        answer=_MESSAGE,
    ),
    Operation(
        name="wait_for_messages",
        summary="Wait until messages come, at most timeout_seconds. Give the cursor back to miss nothing in between.",
        arguments=WaitForMessages,
        work=_wait,
        kind="wait",
        http=Http("GET", "/instances/{instanceId}/messages/wait"),
        actor="instance_id",
        answer={**_MESSAGES, "cursor": {"type": "string"}},
        ready=_arrived,
    ),
    Operation(
        name="get_archived_messages",
        summary="What an instance archived, newest first.",
        arguments=GetArchivedMessages,
        work=_archived,
        kind="read",
        http=Http("GET", "/instances/{instanceId}/messages/archived"),
        actor="instance_id",
        answer=_MESSAGES,
        listed=False,
    ),
    Operation(
        name="delete_message",
        summary="Archive a message for all its readers, or with hard_delete remove it.",
        arguments=DeleteMessage,
        work=_delete,
        kind="write",
        http=Http("DELETE", "/messages/{id}"),
        answer=_MESSAGE,
        listed=False,
        destructive=True,
    ),
)
