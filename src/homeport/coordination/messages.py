"""Messages: sent once, delivered once to every addressee, read by each for itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from homeport.coordination import addresses
from homeport.coordination.addresses import Address
from homeport.coordination.events import record
from homeport.coordination.values import (
    MAX_BODY,
    MAX_TITLE,
    IdSource,
    JsonObject,
    Millis,
    checked_name,
    checked_text,
    did_you_mean,
)
from homeport.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    from homeport.coordination.instances import Instance
    from homeport.coordination.store import Records

PRIORITIES: Final = ("urgent", "high", "normal", "low")
EVERYBODY: Final = 1_000_000
"""A limit for lists of a message's readers that must be whole."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was sent; what its readers did with it is in :class:`Delivery`.

    ``seq`` orders messages and is given by the store. ``to`` is what the sender wrote, address by address.
    ``parts`` is the body as earlier data has it where that is a list; ``body`` is then its text.
    """

    seq: int
    id: str
    sender: str
    to: tuple[Address, ...]
    subject: str
    body: str
    type: str
    priority: str
    status: str
    created_at: Millis
    thread_id: str | None = None
    reply_to: str | None = None
    tags: tuple[str, ...] = ()
    metadata: JsonObject = field(default_factory=dict)
    parts: list[Any] | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message in one reader's inbox.

    ``number`` grows with every delivery in the store, in the order in which they became visible: a message
    that was sent long ago and reaches a late-comer now has a new number. Waiting readers continue after it.
    """

    message: Message
    reader: str
    number: int
    read_at: Millis | None = None
    archived_at: Millis | None = None


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """All conditions must hold; ``tags``: at least one of them. ``channel`` is one of the message's own."""

    sender: str | None = None
    channel: str | None = None
    type: str | None = None
    priority: str | None = None
    status: str | None = None
    thread_id: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InboxQuery:
    """Which of a reader's messages. ``archived`` chooses between the inbox and its archive.

    ``archived_month`` is ``YYYY-MM`` of the archiving.
    """

    reader: str
    unread_only: bool = False
    read_only: bool = False
    archived: bool = False
    archived_month: str | None = None
    filter: MessageFilter = MessageFilter()


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """How many messages lie in an inbox (archived ones are not counted); known without counting."""

    total: int = 0
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """What a sender gives."""

    sender: str
    to: str | tuple[str, ...]
    subject: str
    body: str
    priority: str = "normal"
    type: str = "message"
    tags: tuple[str, ...] = ()
    thread_id: str | None = None
    reply_to: str | None = None
    metadata: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a draft. ``waiting_for`` are addressees that nobody answers to yet."""

    message: Message
    recipients: tuple[str, ...]
    waiting_for: tuple[str, ...]


def send(records: Records, draft: Draft, ids: IdSource, now: Millis) -> Sent:
    """Stores a message and delivers it to everybody whom it is for and who is known now.

    Who comes later gets it then (:func:`deliver_waiting`). A group does not include its sender.

    Raises:
        InvalidError: an address that cannot be; both subject and body empty.
        NotFoundError: the project addressed, or the message replied to, does not exist.
        TooLargeError: a text over its limit.
    """
    checked_name(draft.sender, "from")
    checked_text(draft.subject, "subject", MAX_TITLE)
    checked_text(draft.body, "content", MAX_BODY)
    if not draft.subject.strip() and not draft.body.strip():
        raise InvalidError("content: subject and content are both empty.", "Say something.")
    to = addresses.parse(draft.to, addresses.Directory(records.instances.exists, records.role_known))
    for address in to:
        if address.kind == "project" and records.projects.get(address.value) is None:
            near = did_you_mean(address.value, records.projects.ids())
            raise NotFoundError(f"to: no project {address.value!r}.", near or "Call get_projects.")
    parent = _parent(records, draft)
    message = Message(
        seq=0,
        id=ids.new("msg", now),
        sender=draft.sender,
        to=to,
        subject=draft.subject,
        body=draft.body,
        type=draft.type,
        priority=draft.priority,
        status="sent",
        created_at=now,
        thread_id=draft.thread_id or (parent.thread_id or parent.id if parent else None),
        reply_to=draft.reply_to,
        tags=draft.tags,
        metadata=draft.metadata,
    )
    recipients = recipients_of(records, message)
    stored = records.messages.add(message, recipients)
    record(
        records,
        "message.sent",
        now,
        actor=draft.sender,
        subject=stored.id,
        project_id=next((address.value for address in to if address.kind == "project"), None),
        audience=recipients,
        data={"seq": stored.seq},
    )
    known = {address for address in to if address.kind == "instance" and records.instances.exists(address.value)}
    waiting = tuple(str(address) for address in to if address.kind in ("name", "instance") and address not in known)
    return Sent(stored, recipients, waiting)


def recipients_of(records: Records, message: Message) -> tuple[str, ...]:
    """The ids that a message is delivered to now, each once, in a stable order."""
    found: dict[str, None] = {}
    for address in message.to:
        if address.kind in ("instance", "name"):
            found[address.value] = None
        if address.kind != "instance":
            group = _group(records, address)
            found.update(dict.fromkeys(one for one in group if one != message.sender))
    return tuple(found)


def _group(records: Records, address: Address) -> list[str]:
    if address.kind == "role":
        return records.instances.ids_with_role(address.value)
    if address.kind == "project":
        return records.projects.members(address.value)
    everybody = records.instances.ids()
    if address.kind == "name":
        # Channels of names are in one case: who listens now gets it now, not with some later backlog.
        return [one for one in everybody if one.casefold() == address.value.casefold()]
    return everybody


def deliver_waiting(records: Records, instance: Instance, now: Millis) -> int:
    """Delivers what waited for an instance that came, took a role, or joined a project.

    Returns:
        How many messages are new to it.
    """
    channels = addresses.channels_of(instance.id, instance.role, records.projects.projects_of(instance.id))
    count = records.messages.deliver_backlog(instance.id, channels)
    if count:
        record(records, "message.delivered", now, actor=instance.id, audience=(instance.id,), data={"messages": count})
    return count


def required(records: Records, message_id: str) -> Message:
    """The message of that id.

    Raises:
        NotFoundError: there is none.
    """
    message = records.messages.get(message_id)
    if message is None:
        raise NotFoundError(f"id: no message {message_id!r}.", "Call get_messages to see what there is.")
    return message


def reader_of(records: Records, message: Message, reader: str | None) -> str:
    """Who reads: the one that is named, or the only recipient where there is just one.

    Raises:
        InvalidError: nobody is named and several received it.
        NotFoundError: the one named did not receive it.
    """
    if reader is not None:
        if records.messages.delivery(reader, message.seq) is None:
            raise NotFoundError(
                f"id: message {message.id!r} was not delivered to {reader!r}.", "Read it with get_message instead."
            )
        return reader
    readers = records.messages.deliveries(message.seq, limit=2)
    if len(readers) != 1:
        raise InvalidError(
            f"reader_id: message {message.id!r} has several recipients.", "Say who reads it: each has its own state."
        )
    return readers[0].reader


def mark_read(records: Records, message_id: str, reader: str | None, now: Millis) -> Delivery:
    """Marks a message as read by one reader; for all others it stays as it is. Again is no change."""
    message = required(records, message_id)
    reader = reader_of(records, message, reader)
    delivery = records.messages.delivery(reader, message.seq)
    assert delivery is not None  # noqa: S101 - reader_of has just seen it
    if delivery.read_at is not None:
        return delivery
    records.messages.set_read(reader, message.seq, now)
    record(records, "message.read", now, actor=reader, subject=message.id)
    return replace(delivery, read_at=now)


def archive(records: Records, message_id: str, reader: str | None, now: Millis) -> Delivery:
    """Moves a message from one reader's inbox to its archive, and marks it read. Again is no change."""
    delivery = mark_read(records, message_id, reader, now)
    if delivery.archived_at is not None:
        return delivery
    records.messages.set_archived(delivery.reader, delivery.message.seq, now)
    record(records, "message.archived", now, actor=delivery.reader, subject=message_id)
    return replace(delivery, archived_at=now)


def delete(records: Records, message_id: str, *, hard: bool, actor: str | None, now: Millis) -> Message:
    """Archives a message for all its readers, or with ``hard`` removes it from the store."""
    message = required(records, message_id)
    if hard:
        records.messages.delete(message.seq)
        record(records, "message.deleted", now, actor=actor, subject=message_id)
        return message
    for delivery in records.messages.deliveries(message.seq, limit=EVERYBODY):
        archive(records, message_id, delivery.reader, now)
    return message


def _parent(records: Records, draft: Draft) -> Message | None:
    if draft.reply_to is None:
        return None
    parent = records.messages.get(draft.reply_to)
    if parent is None:
        raise NotFoundError(f"reply_to: no message {draft.reply_to!r}.", "Leave it out to start a new thread.")
    return parent
