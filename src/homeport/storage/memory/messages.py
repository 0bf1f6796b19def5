"""Messages and their deliveries in dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from homeport.coordination.messages import Delivery, InboxCounts, InboxQuery, Message, MessageFilter
from homeport.coordination.values import Millis, Page, iso
from homeport.storage.memory.paging import preceding
from homeport.storage.memory.tables import Tables, overlap


class MemoryMessages:
    """See :class:`homeport.coordination.store.Messages`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, message: Message, recipients: Sequence[str]) -> Message:
        stored = replace(message, seq=self._tables.next_number("message"))
        self._tables.messages[stored.seq] = stored
        self._tables.message_seqs[stored.id] = stored.seq
        for reader in dict.fromkeys(recipients):
            self._deliver(stored, reader)
        return stored

    def get(self, message_id: str) -> Message | None:
        seq = self._tables.message_seqs.get(message_id)
        return None if seq is None else self._tables.messages[seq]

    def delete(self, seq: int) -> None:
        message = self._tables.messages.pop(seq, None)
        if message is None:
            return
        del self._tables.message_seqs[message.id]
        for delivery in self.deliveries(seq, limit=len(self._tables.deliveries)):
            del self._tables.deliveries[delivery.reader, seq]

    def deliver_backlog(self, reader: str, channels: Sequence[str]) -> int:
        waiting = [
            message
            for seq, message in sorted(self._tables.messages.items())
            if message.sender != reader
            and (reader, seq) not in self._tables.deliveries
            and not channels_of(message).isdisjoint(channels)
        ]
        for message in waiting:
            self._deliver(message, reader)
        return len(waiting)

    def delivery(self, reader: str, seq: int) -> Delivery | None:
        return self._tables.deliveries.get((reader, seq))

    def deliveries(self, seq: int, limit: int = 1000) -> Sequence[Delivery]:
        found = [one for one in self._tables.deliveries.values() if one.message.seq == seq]
        return sorted(found, key=lambda one: one.reader)[:limit]

    def inbox(self, query: InboxQuery, page: Page) -> Sequence[Delivery]:
        matching = [
            one
            for one in self._of(query.reader)
            if (one.archived_at is not None) == query.archived
            and (not query.unread_only or one.read_at is None)
            and (not query.read_only or one.read_at is not None)
            and (query.archived_month is None or _month(one.archived_at) == query.archived_month)
            and _matches(one.message, query.filter)
        ]
        return preceding(matching, lambda one: one.message.seq, page)

    def arrivals(self, reader: str, after: int, *, unread_only: bool, limit: int) -> Sequence[Delivery]:
        matching = [
            one
            for one in self._of(reader)
            if one.number > after and one.archived_at is None and (not unread_only or one.read_at is None)
        ]
        return sorted(matching, key=lambda one: one.number)[:limit]

    def last_arrival(self, reader: str) -> int:
        return self._tables.last_arrivals.get(reader, 0)

    def inbox_counts(self, reader: str) -> InboxCounts:
        lying = [one for one in self._of(reader) if one.archived_at is None]
        return InboxCounts(len(lying), sum(one.read_at is None for one in lying))

    def set_read(self, reader: str, seq: int, at: Millis | None) -> None:
        known = self.delivery(reader, seq)
        if known is not None:
            self._tables.deliveries[reader, seq] = replace(known, read_at=at)

    def set_archived(self, reader: str, seq: int, at: Millis | None) -> None:
        known = self.delivery(reader, seq)
        if known is not None:
            self._tables.deliveries[reader, seq] = replace(known, archived_at=at)

    def select(self, which: MessageFilter, page: Page) -> Sequence[Message]:
        return preceding(self._matching(which), lambda one: one.seq, page)

    def count(self, which: MessageFilter) -> int:
        return len(list(self._matching(which)))

    def _matching(self, which: MessageFilter) -> Iterable[Message]:
        return (one for one in self._tables.messages.values() if _matches(one, which))

    def _of(self, reader: str) -> Iterable[Delivery]:
        return (one for one in self._tables.deliveries.values() if one.reader == reader)

    def _deliver(self, message: Message, reader: str) -> None:
        number = self._tables.next_number("delivery")
        self._tables.deliveries[reader, message.seq] = Delivery(message, reader, number)
        self._tables.last_arrivals[reader] = number


def channels_of(message: Message) -> set[str]:
    """The channels that a message was sent on."""
    return {address.channel for address in message.to}


def _matches(message: Message, which: MessageFilter) -> bool:
    return (
        which.sender in (None, message.sender)
        and (which.channel is None or which.channel in channels_of(message))
        and which.type in (None, message.type)
        and which.priority in (None, message.priority)
        and which.status in (None, message.status)
        and which.thread_id in (None, message.thread_id)
        and overlap(which.tags, message.tags)
    )


def _month(at: Millis | None) -> str | None:
    return None if at is None else iso(at)[:7]
