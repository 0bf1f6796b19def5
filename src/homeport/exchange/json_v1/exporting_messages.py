"""Export of messages: into the inboxes that they lie in, or the archives that they were moved to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from homeport.coordination.messages import Delivery, Message, MessageFilter
from homeport.coordination.store import Records
from homeport.coordination.values import JsonObject, Page, iso
from homeport.exchange.json_v1 import layout, messages
from homeport.exchange.json_v1.drafts import Drafts
from homeport.exchange.json_v1.layout import Place
from homeport.exchange.json_v1.ledger import Entry, Ledger
from homeport.exchange.json_v1.messages import State
from homeport.exchange.json_v1.shapes import Notes

_PAGE = 200
_EVERYBODY = 10_000_000


def export_messages(records: Records, ledger: Ledger, drafts: Drafts, entries: Sequence[Entry]) -> int:
    """Puts all messages into drafts, and says how many there are."""
    copies: dict[str, list[Entry]] = {}
    for entry in entries:
        copies.setdefault(entry.key, []).append(entry)
    deliveries = {key: _deliveries(records, key) for key in copies}
    for entry in entries:
        place = ledger.place(entry.path)
        found = deliveries[entry.key]
        if found is None:
            drafts.known(entry.path, place, {}).touch()
            continue
        told = [(one.record, ledger.place(one.path)) for one in copies[entry.key]]
        then = messages.states(told, [one.reader for one in found], Notes())
        _put(drafts, entry.path, place, entry.record, found, then)
    new = [one for one in _all(records) if one.id not in copies]
    for message in reversed(new):
        found = records.messages.deliveries(message.seq, _EVERYBODY)
        for path, place, record in messages.encode(message, records.role_known):
            drafts.at(path, place, message.created_at).touch(message.created_at)
            _put(drafts, path, place, record, found, {}, is_new=True)
    return len(new) + sum(one is not None for one in deliveries.values())


def _deliveries(records: Records, message_id: str) -> Sequence[Delivery] | None:
    message = records.messages.get(message_id)
    return None if message is None else records.messages.deliveries(message.seq, _EVERYBODY)


def _put(
    drafts: Drafts,
    path: str,
    place: Place,
    record: JsonObject,
    deliveries: Sequence[Delivery],
    then: dict[str, State],
    *,
    is_new: bool = False,
) -> None:
    """Puts a record where it lies now: its own file, or the archive of the month in which it was put away."""
    now, archived_at = messages.with_states(record, place, deliveries, then)
    draft = drafts.at(path, place)
    times = [at for one in deliveries for at in (one.read_at, one.archived_at) if at is not None]
    changed = is_new or now is not record
    if archived_at is None:
        draft.put(now, changed=changed, at=max(times, default=0) if now is not record else 0)
        return
    draft.touch(archived_at)
    archive = layout.archive_path(path, iso(archived_at)[:7])
    drafts.at(archive, replace(place, archive=True), archived_at).put(now, changed=True, at=archived_at)


def _all(records: Records) -> Iterator[Message]:
    after: tuple[int | str, ...] | None = None
    while True:
        rows = records.messages.select(MessageFilter(), Page(_PAGE, after))
        yield from rows
        if len(rows) < _PAGE:
            return
        after = (rows[-1].seq,)
