"""Messages: one record for each inbox or archive that a message lies in.

The earlier server has one flag for read and one for archived in each record; here every reader has its own
state. :func:`states` says which state of which reader a record tells of, for import and export alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from homeport.coordination import addresses
from homeport.coordination.addresses import Address
from homeport.coordination.messages import PRIORITIES, Delivery, Message
from homeport.coordination.values import JsonObject, Millis, iso
from homeport.errors import InvalidError, TooLargeError
from homeport.exchange.json_v1 import layout
from homeport.exchange.json_v1.jsontext import Json
from homeport.exchange.json_v1.layout import Place
from homeport.exchange.json_v1.shapes import (
    Context,
    Notes,
    as_object,
    as_text,
    as_texts,
    clean,
    moment,
    moment_or,
    word,
)

_KNOWN: Final = frozenset(
    [
        "id",
        "from",
        "to",
        "subject",
        "body",
        "content",
        "type",
        "message_type",
        "priority",
        "status",
        "created",
        "metadata",
        "read_at",
        "read_by",
        "archived_at",
        "archived_by",
    ]
)
_TAKEN: Final = frozenset({"tags", "thread_id", "reply_to"})
_PRIORITY: Final = {word: word for word in PRIORITIES} | {"critical": "urgent", "medium": "normal"}
_FLAGS: Final = frozenset({"", "unread", "read", "archived", "sent"})
_MISFILED: Final = {
    "all": ("a broadcast", "delivered to everybody"),
    "role": ("a role", "delivered to all who have it"),
}


@dataclass(frozen=True, slots=True)
class State:
    """What one reader did with a message."""

    read_at: Millis | None = None
    archived_at: Millis | None = None


def decode(record: JsonObject, context: Context, to: tuple[Address, ...], notes: Notes) -> Message:
    """The message that a record describes."""
    metadata = as_object(record.get("metadata"))
    beside = as_object({key: value for key, value in record.items() if key not in _KNOWN})
    body, parts = _body(record.get("body", record.get("content")))
    status = as_text(record.get("status"))
    return Message(
        seq=0,
        id=context.id,
        sender=as_text(record.get("from")) or "unknown",
        to=to,
        subject=as_text(record.get("subject")),
        body=body,
        type=as_text(record.get("type")) or as_text(record.get("message_type")) or "general",
        priority=word(record.get("priority"), _PRIORITY, "normal", "the priority", notes),
        status="sent" if status in _FLAGS else status,
        created_at=moment_or((record.get("created"), record.get("timestamp")), context.id, context.since, notes),
        thread_id=as_text(metadata.get("thread_id", record.get("thread_id"))) or None,
        reply_to=as_text(metadata.get("reply_to", record.get("reply_to"))) or None,
        tags=as_texts(metadata.get("tags", record.get("tags"))),
        metadata={key: value for key, value in {**beside, **metadata}.items() if key not in _TAKEN},
        parts=parts,
    )


def _body(value: Json) -> tuple[str, list[Json] | None]:
    """The text, and the list that it came as."""
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return as_text(value), None
    texts = [one if isinstance(one, str) else one.get("text") for one in value if isinstance(one, str | dict)]
    return "\n".join(as_text(text) for text in texts if isinstance(text, str)), clean(value)


def addressed(
    record: JsonObject, place: Place, directory: addresses.Directory, is_project: Callable[[str], bool], notes: Notes
) -> tuple[Address, ...]:
    """Whom a record's message is for: whom ``to`` names, and whose inbox it lies in.

    A role, a team or ``ALL`` that the earlier server took for an instance is what it says here. Where ``to``
    names nobody, the inbox alone decides.
    """
    found: dict[Address, None] = {}
    for one in _words(record.get("to")):
        try:
            found.update(dict.fromkeys(addresses.parse(one, directory)))
        except (InvalidError, TooLargeError):
            project, _, name = one.partition(":")
            if is_project(project) and name.strip():
                found[Address("instance", name.strip())] = None
                notes.add(f"to {one[:80]!r}", "taken as project-member:<project>:<instance>")
            else:
                notes.add(f"to {one[:80]!r} names nobody", "delivered to whose inbox it lies in")
    own = _owner(place, directory)
    if not found or not _covered(own, found):
        if found:
            notes.add(f"it lies with {own}, whom `to` does not name", "delivered there too")
        found[own] = None
    if place.box == "instance" and own.kind in _MISFILED:
        what, consequence = _MISFILED[own.kind]
        notes.add(f"to {as_text(record.get('to'))[:80]!r}: {what}, filed as a private inbox", consequence)
    return tuple(found)


def _words(to: Json) -> list[str]:
    return [word.strip() for text in as_texts(to) for word in text.split(",") if word.strip()]


def _owner(place: Place, directory: addresses.Directory) -> Address:
    if place.box == "project":
        return Address("project", place.owner)
    if place.box == "all" or place.owner.casefold() == "all":
        return Address("all")
    try:
        return addresses.parse([place.owner], directory)[0]
    except (InvalidError, TooLargeError):
        return Address("name", place.owner)


def _covered(own: Address, found: Collection[Address]) -> bool:
    """Whether those that ``to`` names already include the one whose inbox it is; what lies with all is for them."""
    if own.kind in ("all", "project") or own in found:
        return True
    return any(one.kind == "all" or one.value.casefold() == own.value.casefold() for one in found)


def states(copies: Sequence[tuple[JsonObject, Place]], readers: Collection[str], notes: Notes) -> dict[str, State]:
    """What the records of a message say of its readers. Silence is unread.

    A reader that is named has read it. Where nobody is named the flag speaks of the only reader; of several it
    says nothing, since the earlier server set it for all when one had read.
    """
    result: dict[str, State] = {}
    for record, place in copies:
        concerned = concerned_by(place, readers)
        read_at, archived_at = _read_at(record), _archived_at(record, place)
        named = [name for name in as_texts(record.get("read_by")) if name in readers]
        for reader in concerned if archived_at is not None else ():
            result[reader] = State(read_at if read_at is not None else archived_at, archived_at)
        if read_at is None or archived_at is not None:
            continue
        if not named and len(concerned) == 1 and not as_texts(record.get("read_by")):
            named = list(concerned)
        if not named:
            notes.add("flagged as read, by nobody who received it", "unread for everybody who did")
        for reader in named:
            result.setdefault(reader, State(read_at))
    return result


def concerned_by(place: Place, readers: Collection[str]) -> list[str]:
    """The readers that a record's flags speak of: the owner of the inbox, or all."""
    if place.box == "instance" and place.owner in readers:
        return [place.owner]
    return list(readers)


def _read_at(record: JsonObject) -> Millis | None:
    """When it was read, if it was; without a time of its own, when it was made."""
    flagged = record.get("read_at") or record.get("read_by") or record.get("status") in ("read", "archived")
    if not flagged:
        return None
    times = (record.get("read_at"), record.get("archived_at"), record.get("created"))
    return next((at for one in times if (at := moment(one)) is not None), 0)


def _archived_at(record: JsonObject, place: Place) -> Millis | None:
    if not place.archive and not record.get("archived_at") and record.get("status") != "archived":
        return None
    times = (record.get("archived_at"), record.get("read_at"), record.get("created"))
    return next((at for one in times if (at := moment(one)) is not None), 0)


def with_states(
    record: JsonObject, place: Place, deliveries: Sequence[Delivery], then: dict[str, State]
) -> tuple[JsonObject, Millis | None]:
    """The record with what its readers have done since, and when it moved to the archive if it did.

    ``then`` is what the record said already. The one flag is set when everybody has done it whom it concerns.
    """
    names = concerned_by(place, [one.reader for one in deliveries])
    whose = [one for one in deliveries if one.reader in names]
    read = [one for one in whose if one.read_at is not None]
    new = [one for one in read if then.get(one.reader, State()).read_at is None]
    if new and len(read) == len(whose) and _read_at(record) is None:
        last = max(new, key=lambda one: (one.read_at or 0, one.reader))
        record = {**record, "status": "read", "read_at": iso(last.read_at or 0), "read_by": last.reader}
    put_away = [one for one in whose if one.archived_at is not None]
    new = [one for one in put_away if then.get(one.reader, State()).archived_at is None]
    if not new or len(put_away) < len(whose) or _archived_at(record, place) is not None:
        return record, None
    last = max(new, key=lambda one: (one.archived_at or 0, one.reader))
    at = last.archived_at or 0
    return {**record, "archived_at": iso(at), "archived_by": last.reader}, at


def encode(message: Message, role_known: Callable[[str], bool]) -> list[tuple[str, Place, JsonObject]]:
    """New records: one for each inbox that the message belongs in, each with its path."""
    to = ",".join(_written(one, role_known) for one in message.to)
    result: dict[str, tuple[str, Place, JsonObject]] = {}
    for address in message.to:
        box = {"all": "all", "role": "all", "project": "project"}.get(address.kind, "instance")
        owner = "" if box == "all" else address.value
        path = layout.inbox_path(box, owner)
        place = Place(layout.Kind.MESSAGES, owner, box)
        result.setdefault(path, (path, place, _record(message, to, box, owner)))
    return list(result.values())


def _written(address: Address, role_known: Callable[[str], bool]) -> str:
    if address.kind == "role" and role_known(address.value):
        return address.value
    return str(address)


def _record(message: Message, to: str, box: str, owner: str) -> JsonObject:
    routing: JsonObject = {"routing_type": "global" if box == "all" else box}
    if owner:
        routing[f"{box}_id"] = owner
    if message.reply_to is not None:
        routing["reply_to"] = message.reply_to
    return {
        "id": message.id,
        "from": message.sender,
        "to": to,
        "subject": message.subject,
        "body": message.body if message.parts is None else message.parts,
        "type": message.type,
        "priority": message.priority,
        "status": "unread" if message.status == "sent" else message.status,
        "created": iso(message.created_at),
        "metadata": {"tags": list(message.tags), "thread_id": message.thread_id, **routing, **message.metadata},
    }
