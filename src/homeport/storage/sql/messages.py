"""Messages in SQL; :mod:`~homeport.storage.sql.inboxes` has their deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from homeport.coordination.addresses import Address
from homeport.coordination.messages import Message, MessageFilter
from homeport.coordination.values import Page
from homeport.storage.sql.codec import dump, dump_texts, load, load_texts
from homeport.storage.sql.database import Database, Dialect
from homeport.storage.sql.scopes import channel_scope, message_scopes, wanted_scopes
from homeport.storage.sql.statements import LARGEST, Where, insert, join
from homeport.storage.sql.words import Words

_NAMES: Final = (
    *("seq", "id", "sender", "subject", "body", "type", "priority", "status", "created_at"),
    *("recipients", "thread_id", "reply_to", "tags", "metadata", "parts"),
)
COLUMNS: Final = ", ".join(f"messages.{name}" for name in _NAMES)
"""What :func:`message_of` reads."""

_GET: Final = join("SELECT", COLUMNS, "FROM messages WHERE id = ?")
_ADD: Final = insert("messages", (*_NAMES, "scopes"))


class SqlMessages:
    """Messages by id and by what they are; see :class:`homeport.coordination.store.Messages`."""

    def __init__(self, database: Database, dialect: Dialect, words: Words) -> None:
        self._database = database
        self._execute = database.execute
        self._dialect = dialect
        self._words = words
        self._words_seq = f"message_words.{dialect.words_row}"

    def insert(self, message: Message) -> Message:
        """Stores a message; its words and channels wait for the end of the transaction."""
        scopes = message_scopes(message)
        values = (
            message.id,
            message.sender,
            message.subject,
            message.body,
            message.type,
            message.priority,
            message.status,
            message.created_at,
            dump([(address.kind, address.value) for address in message.to]),
            message.thread_id,
            message.reply_to,
            dump_texts(message.tags),
            dump(message.metadata),
            None if message.parts is None else dump(message.parts),
            scopes,
        )
        seq = self._dialect.insert(self._database, "messages", _ADD, values)
        self._words.add_message(seq, message, scopes)
        # dataclasses.replace takes three times as long, and this is the hottest write.
        return Message(
            seq,
            message.id,
            message.sender,
            message.to,
            message.subject,
            message.body,
            message.type,
            message.priority,
            message.status,
            message.created_at,
            message.thread_id,
            message.reply_to,
            message.tags,
            message.metadata,
            message.parts,
        )

    def get(self, message_id: str) -> Message | None:
        row = self._execute(_GET, (message_id,)).fetchone()
        return None if row is None else message_of(row)

    def delete(self, seq: int) -> None:
        if abs(seq) > LARGEST:
            return
        self._words.remove_message(seq)
        self._execute("DELETE FROM deliveries WHERE message_seq = ?", (seq,))
        self._execute("DELETE FROM messages WHERE seq = ?", (seq,))

    def select(self, which: MessageFilter, page: Page) -> Sequence[Message]:
        where = Where(self._dialect)
        source, seq = "FROM messages", "messages.seq"
        if question := self._question(which):
            seq = self._words_seq
            source = f"FROM message_words {self._dialect.then} messages ON messages.seq = {seq}"
            where.add(self._words.match("message"), question)
        where.before(seq, page)
        statement = join("SELECT", COLUMNS, source, str(where), f"ORDER BY {seq} DESC LIMIT ?")
        return [message_of(row) for row in self._execute(statement, (*where.values, page.limit))]

    def count(self, which: MessageFilter) -> int:
        question = self._question(which)
        if question:
            statement = f"SELECT count(*) FROM message_words WHERE {self._words.match('message')}"  # noqa: S608
            row = self._execute(statement, (question,)).fetchone()
        else:
            row = self._execute(self._dialect.count_messages).fetchone()
        return int(row[0]) if row else 0

    def _question(self, which: MessageFilter) -> str:
        """A filter as the index of words understands it; it answers for all messages after a flush."""
        self._words.flush()
        return self._words.all_of(map(self._words.any_of, wanted_scopes(which)))


def narrow(where: Where, which: MessageFilter) -> None:
    """Adds the conditions of a filter on ``messages``."""
    where.equal("messages.sender", which.sender)
    where.equal("messages.type", which.type)
    where.equal("messages.priority", which.priority)
    where.equal("messages.status", which.status)
    where.equal("messages.thread_id", which.thread_id)
    where.any_of("messages.tags", which.tags)
    if which.channel is not None:
        where.contains("messages.scopes", channel_scope(which.channel))


@lru_cache(maxsize=4096)
def _addresses(text: str) -> tuple[Address, ...]:
    """Most messages go to few addressees: the same texts come again and again."""
    return tuple(Address(kind, value) for kind, value in load(text))


def message_of(row: Sequence[Any]) -> Message:
    """The message in a row of :data:`COLUMNS`."""
    seq, id_, sender, subject, body, type_, priority, status, created_at, *rest = row
    recipients, thread_id, reply_to, tags, metadata, parts = rest
    return Message(
        seq=seq,
        id=id_,
        sender=sender,
        to=_addresses(recipients),
        subject=subject,
        body=body,
        type=type_,
        priority=priority,
        status=status,
        created_at=created_at,
        thread_id=thread_id,
        reply_to=reply_to,
        tags=load_texts(tags),
        metadata=load(metadata),
        parts=None if parts is None else load(parts),
    )
