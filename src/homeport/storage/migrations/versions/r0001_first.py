"""The first schema."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from homeport.storage.columns import NUMBER, TEXT
from homeport.storage.migrations.first import STATEMENTS
from homeport.storage.migrations.verifying import missing_tables

revision: Final = "0001"
down_revision: Final = None

PREVIOUS_RELEASE_CAN_RUN: Final = True
"""There is none."""

_STATE: Final = "CASE WHEN archived_at IS NOT NULL THEN 2 WHEN read_at IS NOT NULL THEN 1 ELSE 0 END"

_TABLES: Final = (
    "instances",
    "projects",
    "memberships",
    "roles",
    "role_documents",
    "tasks",
    "task_dependencies",
    "messages",
    "inboxes",
    "deliveries",
    "submissions",
    "lessons",
    "events",
    "answers",
    "originals",
    "probe",
)
_MISCOUNTED: Final = sa.text("""
    SELECT count(*) FROM inboxes WHERE
        total != (SELECT count(*) FROM deliveries WHERE inbox = inboxes.id AND state < 2)
        OR unread != (SELECT count(*) FROM deliveries WHERE inbox = inboxes.id AND state = 0)
""")


def upgrade() -> None:
    """Makes everything."""
    _people()
    _work()
    _talk()
    _inboxes()
    _learning()
    _record()
    for statement in STATEMENTS[op.get_bind().dialect.name]:
        op.execute(statement)


def verify(connection: sa.Connection) -> list[str]:
    """The tables are there, and inboxes count what is in them."""
    if missing := missing_tables(connection, *_TABLES):
        return missing
    wrong = connection.execute(_MISCOUNTED).scalar_one()
    return [f"{wrong} inboxes count other messages than are in them."] if wrong else []


def _index(name: str, table: str, columns: list[str], where: str | None = None) -> None:
    part = None if where is None else sa.text(where)
    op.create_index(name, table, columns, sqlite_where=part, postgresql_where=part)


def _people() -> None:
    """Instances, projects, roles."""
    op.create_table(
        "instances",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("role_key", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("sessions", NUMBER, nullable=False),
        sa.Column("capabilities", TEXT, nullable=False),
        sa.Column("metadata", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_instances"),
    )
    _index("ix_instances_last_seen_at", "instances", ["last_seen_at"])
    _index("ix_instances_role_key_id", "instances", ["role_key", "id"])
    op.create_table(
        "projects",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("priority", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("metadata", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_projects"),
        sa.UniqueConstraint("id", name="uq_projects_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "memberships",
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("instance_id", TEXT, nullable=False),
        sa.Column("joined_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "instance_id", name="pk_memberships"),
        sqlite_with_rowid=False,
    )
    _index("ix_memberships_instance_id", "memberships", ["instance_id"])
    op.create_table(
        "roles",
        sa.Column("role_key", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("role_key", name="pk_roles"),
    )
    op.create_table(
        "role_documents",
        sa.Column("role_key", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("role_key", "name", name="pk_role_documents"),
    )


def _work() -> None:
    """Tasks."""
    op.create_table(
        "tasks",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("priority", TEXT, nullable=False),
        sa.Column("rank", NUMBER, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("assigned_to", TEXT, nullable=True),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("fence", NUMBER, nullable=False),
        sa.Column("role", TEXT, nullable=True),
        sa.Column("role_key", TEXT, nullable=True),
        sa.Column("estimated_effort", TEXT, nullable=True),
        sa.Column("completion_notes", TEXT, nullable=True),
        sa.Column("dependencies", TEXT, nullable=False),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("metadata", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_tasks"),
        sa.UniqueConstraint("project_id", "id", name="uq_tasks_project_id_id"),
        sqlite_autoincrement=True,
    )
    _index("ix_tasks_assigned_to_status_rank", "tasks", ["assigned_to", "status", "rank"])
    _index("ix_tasks_free", "tasks", ["rank"], "status = 'pending' AND assigned_to IS NULL")
    _index("ix_tasks_free_in_project", "tasks", ["project_id", "rank"], "status = 'pending' AND assigned_to IS NULL")
    _index("ix_tasks_id", "tasks", ["id"])
    _index("ix_tasks_lease_expires_at", "tasks", ["lease_expires_at"], "lease_expires_at IS NOT NULL")
    _index("ix_tasks_project_id_rank", "tasks", ["project_id", "rank"])
    _index("ix_tasks_project_id_status_rank", "tasks", ["project_id", "status", "rank"])
    _index("ix_tasks_rank", "tasks", ["rank"])
    _index("ix_tasks_status_rank", "tasks", ["status", "rank"])
    op.create_table(
        "task_dependencies",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("task_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["tasks.seq"], name="fk_task_dependencies_seq", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq", "position", name="pk_task_dependencies"),
        sqlite_with_rowid=False,
    )


def _talk() -> None:
    """Messages."""
    op.create_table(
        "messages",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("sender", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("priority", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("recipients", TEXT, nullable=False),
        sa.Column("thread_id", TEXT, nullable=True),
        sa.Column("reply_to", TEXT, nullable=True),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("metadata", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("parts", TEXT, nullable=True),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_messages"),
        sa.UniqueConstraint("id", name="uq_messages_id"),
        sqlite_autoincrement=True,
    )


def _inboxes() -> None:
    """Inboxes and what lies in them."""
    op.create_table(
        "inboxes",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("reader", TEXT, nullable=False),
        sa.Column("total", NUMBER, server_default="0", nullable=False),
        sa.Column("unread", NUMBER, server_default="0", nullable=False),
        sa.Column("last_number", NUMBER, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inboxes"),
        sa.UniqueConstraint("reader", name="uq_inboxes_reader"),
    )
    op.create_table(
        "deliveries",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("inbox", NUMBER, nullable=False),
        sa.Column("message_seq", NUMBER, nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.Column("archived_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "state",
            NUMBER,
            sa.Computed(_STATE, persisted=True),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["inbox"], ["inboxes.id"], name="fk_deliveries_inbox"),
        sa.ForeignKeyConstraint(["message_seq"], ["messages.seq"], name="fk_deliveries_message_seq"),
        sa.PrimaryKeyConstraint("number", name="pk_deliveries"),
        sa.UniqueConstraint("message_seq", "inbox", name="uq_deliveries_message_seq_inbox"),
        sqlite_autoincrement=True,
    )
    _index("ix_deliveries_inbox_state_message_seq", "deliveries", ["inbox", "state", "message_seq"])
    _index("ix_deliveries_inbox_state_number", "deliveries", ["inbox", "state", "number"])


def _learning() -> None:
    """Lessons."""
    op.create_table(
        "submissions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("instance_id", TEXT, nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.Column("metadata", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_submissions"),
    )
    op.create_table(
        "lessons",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("submission_id", TEXT, nullable=False),
        sa.Column("project_id", TEXT, nullable=False),
        sa.Column("instance_id", TEXT, nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("content", TEXT, nullable=False),
        sa.Column("context", TEXT, nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("weight", sa.Float(), nullable=True),
        sa.Column("source_file", TEXT, nullable=True),
        sa.Column("extra", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name="fk_lessons_submission_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_lessons"),
        sqlite_autoincrement=True,
    )
    _index("ix_lessons_project_id_type", "lessons", ["project_id", "type"])
    _index("ix_lessons_submission_id", "lessons", ["submission_id"])


def _record() -> None:
    """Events, first answers, originals, and the row that a probe writes."""
    op.create_table(
        "events",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("actor", TEXT, nullable=True),
        sa.Column("subject", TEXT, nullable=True),
        sa.Column("project_id", TEXT, nullable=True),
        sa.Column("audience", TEXT, nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        sqlite_autoincrement=True,
    )
    _index("ix_events_project_id", "events", ["project_id"], "project_id IS NOT NULL")
    _index("ix_events_subject", "events", ["subject"])
    op.create_table(
        "answers",
        sa.Column("operation", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("answer", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("operation", "key", name="pk_answers"),
    )
    _index("ix_answers_at", "answers", ["at"])
    op.create_table(
        "originals",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name="pk_originals"),
    )
    op.create_table(
        "probe",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("writes", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_probe"),
    )
    op.execute("INSERT INTO probe (id, writes) VALUES (1, 0)")
