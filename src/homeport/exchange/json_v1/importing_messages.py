"""Import of messages: records of one message become one message, which is delivered to all whom they name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from homeport.coordination import messages as domain
from homeport.coordination.addresses import Address, Directory
from homeport.coordination.messages import Message
from homeport.exchange.json_v1 import messages
from homeport.exchange.json_v1.intake import Intake, since, where
from homeport.exchange.json_v1.layout import Kind
from homeport.exchange.json_v1.ledger import Item
from homeport.exchange.json_v1.shapes import Context, Notes, as_texts, clean

_GROUPS = frozenset({"all", "role", "project"})


@dataclass(slots=True)
class _Letter:
    """A message and the records that it was made from, the first of which says what it is."""

    message: Message
    copies: list[tuple[Item, Notes]]


def import_messages(intake: Intake) -> set[str]:
    """Adds the messages that are new in the order in which they were sent, so that inboxes are in order of time.

    Returns:
        Who has unread messages now that were not there before.
    """
    letters = _letters(intake)
    letters.sort(key=lambda one: (one.message.created_at, one.copies[0][0].path, one.copies[0][0].position))
    taken = {item.source_id for letter in letters for item, _ in letter.copies}
    named: set[str] = set()
    told: set[str] = set()
    for letter in letters:
        told |= _add(intake, letter, taken, named)
    _report_strangers(intake, [letter.message for letter in letters if letter.message.seq])
    return told


def _letters(intake: Intake) -> list[_Letter]:
    """The new records by message: those of one id and one text are copies of one another."""
    directory = Directory(intake.records.instances.exists, intake.records.role_known)
    found: dict[tuple[str, ...], _Letter] = {}
    for item in intake.new(Kind.MESSAGES, "messages"):
        notes = Notes()
        to = messages.addressed(item.record, item.place, directory, lambda one: _is_project(intake, one), notes)
        context = Context(str(clean(item.source_id)), "", since(intake.envelope(item.path)))
        message = messages.decode(item.record, context, to, notes)
        letter = found.setdefault(_identity(message), _Letter(message, []))
        letter.copies.append((item, notes))
        letter.message = replace(letter.message, to=tuple(dict.fromkeys((*letter.message.to, *to))))
    return list(found.values())


def _identity(message: Message) -> tuple[str, ...]:
    return (message.id, message.sender, message.subject, message.body, str(message.created_at))


def _is_project(intake: Intake, name: str) -> bool:
    return intake.records.projects.get(name) is not None


def _add(intake: Intake, letter: _Letter, taken: set[str], named: set[str]) -> set[str]:
    """Adds one message, and says who has it unread."""
    message, records = letter.message, intake.records
    there = records.messages.get(message.id)
    if message.id not in named and there is not None and _identity(there) == _identity(message):
        _already_there(intake, letter)
        return set()
    if there is not None:
        message = replace(message, id=_free_id(intake, message.id, taken))
        intake.odd("messages", where(letter.copies[0][0]), "another message has its id", f"called {message.id} here")
    named.add(message.id)
    readers = dict.fromkeys(domain.recipients_of(records, message))
    if any(address.kind in _GROUPS for address in message.to):
        # A group's readers of long ago may not be registered any more.
        readers.update(
            dict.fromkeys(name for item, _ in letter.copies for name in as_texts(item.record.get("read_by")))
        )
    stored = records.messages.add(message, tuple(readers))
    letter.message = stored
    copies = [(item.record, item.place) for item, _ in letter.copies]
    state_notes = Notes()
    told = messages.states(copies, readers, state_notes)
    for reader, state in told.items():
        if state.read_at is not None:
            records.messages.set_read(reader, stored.seq, state.read_at)
        if state.archived_at is not None:
            records.messages.set_archived(reader, stored.seq, state.archived_at)
    for item, notes in letter.copies:
        intake.imported(item, "messages", message.id, notes)
    intake.note(letter.copies[0][0], "messages", state_notes)
    if len(copies) > 1:
        paths = ", ".join(item.path for item, _ in letter.copies[1:])
        intake.odd(
            "messages", where(letter.copies[0][0]), f"lies in {paths} too", "one message, delivered to all of them"
        )
    return {reader for reader in readers if reader not in told}


def _already_there(intake: Intake, letter: _Letter) -> None:
    """It came with an earlier import from another file, or was sent here."""
    for item, _ in letter.copies:
        entry = intake.ledger.entry(Kind.MESSAGES, letter.message.id)
        what = f"was imported from {entry.path}" if entry else ""
        intake.known(item, "messages", is_same=entry is None, what=what)


def _free_id(intake: Intake, wanted: str, taken: set[str]) -> str:
    names = (f"{wanted}~{number}" for number in count(2))
    return next(name for name in names if name not in taken and intake.records.messages.get(name) is None)


def _report_strangers(intake: Intake, imported: Sequence[Message]) -> None:
    """Who sends or receives and is not there."""
    exists = intake.records.instances.exists
    senders = Counter(one.sender for one in imported if not exists(one.sender))
    for name, number in sorted(senders.items()):
        intake.odd("messages", name, f"sent {number}", "senders who never registered: their names stay as they are")
    receivers = Counter(address for one in imported for address in one.to if _waits(intake, address))
    for address, number in sorted(receivers.items(), key=lambda pair: str(pair[0])):
        match address.kind:
            case "project" if _is_project(intake, address.value):
                consequence = "teams without members: whoever joins gets their messages"
            case "project":
                consequence = "teams of unknown projects: who joins such a project, once created, gets their messages"
            case "role":
                consequence = "roles that nobody has: whoever takes one gets its messages"
            case _:
                consequence = "recipients who never registered: their messages wait until they do"
        intake.odd("messages", str(address), f"receives {number}", consequence)


def _waits(intake: Intake, address: Address) -> bool:
    """Whether nobody is there yet who answers to an address."""
    match address.kind:
        case "all":
            return False
        case "role":
            return not intake.records.instances.ids_with_role(address.value)
        case "project":
            return not intake.records.projects.members(address.value)
        case _:
            return not intake.records.instances.exists(address.value)
