"""The tables and their indexes.

Migrations make them, and a test compares a migrated database with what stands here. The statements of
:mod:`homeport.storage.sql` are written by hand and do not load this module: it is for migrations, and for whoever
wants to know what there is. Times are milliseconds since the epoch, JSON is text.

Beside these tables there are, made in the first migration: an index of words for each kind that search finds
(``message_words``, …; what else it needs its database says), and the triggers that keep the counts of ``inboxes``.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    Float,
    ForeignKey,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem

from homeport.storage.columns import NUMBER, TEXT

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

WORDS: Final = ("message", "task", "lesson", "project")
"""The kinds that have an index of words."""


def is_ours(found: SchemaItem, name: str | None, kind: str, reflected: bool, compared: SchemaItem | None) -> bool:  # noqa: FBT001 - Alembic's signature
    """Whether a table is one of those here, and none for an index of words or for what a database says of itself."""
    del found, reflected, compared
    made_elsewhere = (
        "homeport_identity",
        "homeport_wire",
        "homeport_backups",
        "homeport_commits",
        *(f"{noun}_{part}" for noun in WORDS for part in ("words", "vocabulary")),
    )
    return kind != "table" or not (name or "").startswith(made_elsewhere)


def _seq() -> Column[int]:
    """A number that grows and is never given twice."""
    return Column("seq", NUMBER, primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, TEXT, nullable=False)


def _maybe(name: str) -> Column[str]:
    return Column(name, TEXT)


def _at(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _maybe_at(name: str) -> Column[int]:
    return Column(name, BigInteger)


def _number(name: str, default: str | None = None) -> Column[int]:
    return Column(name, NUMBER, nullable=False, server_default=default)


instances = Table(
    "instances",
    METADATA,
    Column("id", TEXT, primary_key=True, nullable=False),
    _text("role"),
    _text("role_key"),
    _text("status"),
    _at("created_at"),
    _at("last_seen_at"),
    _number("sessions"),
    _text("capabilities"),
    _text("metadata"),
    Index(None, "role_key", "id"),
    Index(None, "last_seen_at"),
)

projects = Table(
    "projects",
    METADATA,
    _seq(),
    _text("id"),
    _text("name"),
    _text("description"),
    _text("status"),
    _text("priority"),
    _at("created_at"),
    _at("updated_at"),
    _text("tags"),
    _text("metadata"),
    UniqueConstraint("id"),
    sqlite_autoincrement=True,
)

memberships = Table(
    "memberships",
    METADATA,
    _text("project_id"),
    _text("instance_id"),
    _at("joined_at"),
    PrimaryKeyConstraint("project_id", "instance_id"),
    Index(None, "instance_id"),
    sqlite_with_rowid=False,
)

# A task that anybody may take; what `next_claimable` walks through, best first.
_FREE = text("status = 'pending' AND assigned_to IS NULL")

tasks = Table(
    "tasks",
    METADATA,
    _seq(),
    _text("project_id"),
    _text("id"),
    _text("title"),
    _text("description"),
    _text("status"),
    _text("priority"),
    _number("rank"),
    _at("created_at"),
    _at("updated_at"),
    _maybe("assigned_to"),
    _maybe_at("claimed_at"),
    _maybe_at("completed_at"),
    _maybe_at("lease_expires_at"),
    _number("fence"),
    _maybe("role"),
    _maybe("role_key"),
    _maybe("estimated_effort"),
    _maybe("completion_notes"),
    _text("dependencies"),
    _text("tags"),
    _text("metadata"),
    UniqueConstraint("project_id", "id"),
    Index(None, "id"),
    Index(None, "rank"),
    Index(None, "status", "rank"),
    Index(None, "project_id", "rank"),
    Index(None, "project_id", "status", "rank"),
    Index(None, "assigned_to", "status", "rank"),
    Index("ix_tasks_free", "rank", sqlite_where=_FREE, postgresql_where=_FREE),
    Index("ix_tasks_free_in_project", "project_id", "rank", sqlite_where=_FREE, postgresql_where=_FREE),
    Index(
        None,
        "lease_expires_at",
        sqlite_where=text("lease_expires_at IS NOT NULL"),
        postgresql_where=text("lease_expires_at IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

task_dependencies = Table(
    "task_dependencies",
    METADATA,
    Column("seq", NUMBER, ForeignKey("tasks.seq", ondelete="CASCADE"), nullable=False),
    _number("position"),
    _text("project_id"),
    _text("task_id"),
    PrimaryKeyConstraint("seq", "position"),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    METADATA,
    _seq(),
    _text("id"),
    _text("sender"),
    _text("subject"),
    _text("type"),
    _text("priority"),
    _text("status"),
    _at("created_at"),
    _text("recipients"),
    _maybe("thread_id"),
    _maybe("reply_to"),
    _text("tags"),
    _text("metadata"),
    # The words under which the index finds it by what it is; see sql/scopes.py.
    _text("scopes"),
    _maybe("parts"),
    # Last, so that what stands before it is found without reading a long body.
    _text("body"),
    UniqueConstraint("id"),
    sqlite_autoincrement=True,
)

inboxes = Table(
    "inboxes",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    _text("reader"),
    _number("total", "0"),
    _number("unread", "0"),
    _number("last_number", "0"),
    UniqueConstraint("reader"),
)

deliveries = Table(
    "deliveries",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("inbox", NUMBER, ForeignKey("inboxes.id"), nullable=False),
    Column("message_seq", NUMBER, ForeignKey("messages.seq"), nullable=False),
    _maybe_at("read_at"),
    _maybe_at("archived_at"),
    # 0 unread, 1 read, 2 archived: an inbox is the first two, merged in the order of an index.
    Column(
        "state",
        NUMBER,
        Computed("CASE WHEN archived_at IS NOT NULL THEN 2 WHEN read_at IS NOT NULL THEN 1 ELSE 0 END", persisted=True),
        nullable=False,
    ),
    # In this order it grows at its end; by inbox it would change a page for each reader.
    UniqueConstraint("message_seq", "inbox"),
    Index(None, "inbox", "state", "message_seq"),
    Index(None, "inbox", "state", "number"),
    sqlite_autoincrement=True,
)

submissions = Table(
    "submissions",
    METADATA,
    Column("id", TEXT, primary_key=True, nullable=False),
    _text("project_id"),
    _text("instance_id"),
    _at("submitted_at"),
    _text("metadata"),
)

lessons = Table(
    "lessons",
    METADATA,
    _seq(),
    _text("id"),
    Column("submission_id", TEXT, ForeignKey("submissions.id"), nullable=False),
    _text("project_id"),
    _text("instance_id"),
    _at("submitted_at"),
    _text("type"),
    _text("content"),
    _maybe("context"),
    Column("confidence", Float),
    Column("weight", Float),
    _maybe("source_file"),
    _text("extra"),
    Index(None, "submission_id"),
    Index(None, "project_id", "type"),
    sqlite_autoincrement=True,
)

roles = Table(
    "roles",
    METADATA,
    Column("role_key", TEXT, primary_key=True, nullable=False),
    _text("name"),
    _text("description"),
)

role_documents = Table(
    "role_documents",
    METADATA,
    _text("role_key"),
    _text("name"),
    _text("role"),
    _text("text"),
    PrimaryKeyConstraint("role_key", "name"),
)

events = Table(
    "events",
    METADATA,
    _seq(),
    _at("at"),
    _text("kind"),
    _maybe("actor"),
    _maybe("subject"),
    _maybe("project_id"),
    _text("audience"),
    _text("data"),
    Index(None, "subject"),
    Index(None, "actor", sqlite_where=text("actor IS NOT NULL"), postgresql_where=text("actor IS NOT NULL")),
    Index(
        None,
        "project_id",
        sqlite_where=text("project_id IS NOT NULL"),
        postgresql_where=text("project_id IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

answers = Table(
    "answers",
    METADATA,
    _text("operation"),
    _text("key"),
    _text("fingerprint"),
    _text("answer"),
    _at("at"),
    PrimaryKeyConstraint("operation", "key"),
    Index(None, "at"),
)

originals = Table(
    "originals",
    METADATA,
    _text("kind"),
    _text("key"),
    _text("path"),
    _number("position"),
    _text("document"),
    PrimaryKeyConstraint("kind", "key"),
)

tokens = Table(
    "tokens",
    METADATA,
    Column("id", TEXT, primary_key=True, nullable=False),
    _text("name"),
    _text("scope"),
    _maybe("instance_id"),
    _text("digest"),
    _at("created_at"),
    _maybe_at("expires_at"),
    _maybe_at("revoked_at"),
    _maybe_at("last_used_at"),
)

webhooks = Table(
    "webhooks",
    METADATA,
    Column("id", TEXT, primary_key=True, nullable=False),
    _text("url"),
    _text("secret"),
    _at("created_at"),
    Column("position", BigInteger, nullable=False),
    _text("kinds"),
    Column("failures", NUMBER, nullable=False),
    _at("next_attempt_at"),
    _maybe_at("parked_at"),
    _maybe("last_error"),
)

oauth_clients = Table(
    *("oauth_clients", METADATA, Column("id", TEXT, primary_key=True, nullable=False), _text("name")),
    *(_text("redirect_uris"), _at("created_at"), _maybe_at("used_at"), _maybe_at("fetched_at")),
)

oauth_grants = Table(
    *("oauth_grants", METADATA, Column("id", TEXT, primary_key=True, nullable=False), _text("client_id")),
    *(_text("client_name"), _text("token_id"), _text("scope"), _at("created_at"), _maybe_at("ended_at")),
)

oauth_credentials = Table(
    *("oauth_credentials", METADATA, Column("digest", TEXT, primary_key=True, nullable=False), _text("kind")),
    *(_text("grant_id"), _text("client_id"), _text("scope"), _at("created_at"), _at("expires_at")),
    *(_maybe_at("used_at"), _text("data"), Index(None, "expires_at")),
)

watches = Table(
    "watches",
    METADATA,
    _text("session"),
    _text("uri"),
    _text("client"),
    _at("used_at"),
    PrimaryKeyConstraint("session", "uri"),
    Index(None, "client"),
)

# One row, which a probe of the store counts up.
probe = Table("probe", METADATA, Column("id", NUMBER, primary_key=True), _number("writes"))
