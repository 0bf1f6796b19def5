"""Tasks in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from homeport.coordination.tasks import PRIORITIES, Task, TaskFilter
from homeport.coordination.values import Millis, Page
from homeport.storage.sql.codec import dump, dump_texts, load, load_texts
from homeport.storage.sql.database import Database, Dialect, Row
from homeport.storage.sql.statements import Where, insert, integer, join
from homeport.storage.sql.words import Words

_COLUMNS: Final = (
    "project_id, id, title, description, status, priority, created_at, updated_at, assigned_to, claimed_at,"
    " completed_at, lease_expires_at, fence, role, dependencies, estimated_effort, completion_notes, tags, metadata"
)
_SELECT: Final = join("SELECT", _COLUMNS, ", seq FROM tasks")
_GET: Final = join(_SELECT, "WHERE project_id = ? AND id = ?")
_NAMES: Final = (*_COLUMNS.split(", "), "rank", "role_key")
_ADD: Final = insert("tasks", ("seq", *_NAMES))
_UPDATE: Final = join("UPDATE tasks SET", ", ".join(f"{name} = ?" for name in _NAMES), "WHERE seq = ?")

# The words HELD and the partial indexes on tasks say the same; tests look at the plans.
_IS_HELD: Final = "status IN ('claimed', 'in_progress', 'blocked')"
_UNFINISHED: Final = """
    SELECT other.project_id, other.id FROM task_dependencies AS needed
    JOIN tasks AS other ON other.project_id = needed.project_id AND other.id = needed.task_id
    WHERE needed.seq = {seq} AND other.status <> 'completed'
"""
_UNFINISHED_OF: Final = join(_UNFINISHED.format(seq="?"), "ORDER BY needed.position")
_FREE: Final = join(
    "status = 'pending' AND (role_key IS NULL OR role_key = ?) AND NOT EXISTS (",
    _UNFINISHED.format(seq="tasks.seq"),
    ") ORDER BY rank, seq LIMIT 1",
)
_MINE: Final = join(_SELECT, "WHERE assigned_to = ? AND", _FREE)
_MINE_IN: Final = "WHERE assigned_to = ? AND project_id"
_ANYBODYS: Final = join(_SELECT, "WHERE assigned_to IS NULL AND", _FREE)
_ANYBODYS_IN: Final = join(_SELECT, "WHERE assigned_to IS NULL AND project_id = ? AND", _FREE)


class SqlTasks:
    """See :class:`homeport.coordination.store.Tasks`."""

    def __init__(self, database: Database, dialect: Dialect, words: Words) -> None:
        self._database = database
        self._execute = database.execute
        self._dialect = dialect
        self._words = words

    def get(self, project_id: str, task_id: str) -> Task | None:
        row = self._execute(_GET, (project_id, task_id)).fetchone()
        return None if row is None else _task(row)

    def find(self, task_id: str) -> Sequence[Task]:
        return self._list(join(_SELECT, "WHERE id = ? ORDER BY project_id"), task_id)

    def add(self, task: Task) -> Task:
        seq = self._dialect.insert(self._database, "tasks", _ADD, _values(task))
        self._add_dependencies(seq, task)
        self._words.add("task", seq, _text(task), task.project_id)
        return replace(task, seq=seq)

    def update(self, task: Task) -> None:
        known = self.get(task.project_id, task.id)
        if known is None:
            raise LookupError(task.reference)
        self._execute(_UPDATE, (*_values(task), known.seq))
        if task.dependencies != known.dependencies:
            self._execute("DELETE FROM task_dependencies WHERE seq = ?", (known.seq,))
            self._add_dependencies(known.seq, task)
        if _text(task) != _text(known):
            self._words.remove("task", known.seq)
            self._words.add("task", known.seq, _text(task), task.project_id)

    def select(self, which: TaskFilter, page: Page) -> Sequence[Task]:
        where = self._matching(which)
        if page.after is not None:
            where.add("(rank, seq) > (?, ?)", *map(integer, page.after))
        statement = join(_SELECT, str(where), "ORDER BY rank, seq LIMIT ?")
        return self._list(statement, *where.values, page.limit)

    def count(self, which: TaskFilter) -> int:
        where = self._matching(which)
        row = self._execute(join("SELECT count(*) FROM tasks", str(where)), where.values).fetchone()
        return int(row[0]) if row else 0

    def counts(self) -> dict[tuple[str, str], int]:
        rows = self._execute("SELECT project_id, status, count(*) FROM tasks GROUP BY project_id, status")
        return {(project_id, status): count for project_id, status, count in rows}

    def held_by(self, instance_id: str) -> Sequence[Task]:
        where = join("WHERE assigned_to = ? AND", _IS_HELD, "ORDER BY coalesce(claimed_at, 0), seq")
        return self._list(join(_SELECT, where), instance_id)

    def holders(self, project_id: str) -> list[str]:
        statement = join(
            "SELECT DISTINCT assigned_to FROM tasks WHERE project_id = ? AND assigned_to IS NOT NULL AND",
            _IS_HELD,
            "ORDER BY assigned_to",
        )
        return [row[0] for row in self._execute(statement, (project_id,))]

    def expired(self, now: Millis, limit: int) -> Sequence[Task]:
        # Few leases end, many tasks are held: not by an index of what is held.
        ended = join(
            "WHERE lease_expires_at <= ? AND lease_expires_at IS NOT NULL AND assigned_to IS NOT NULL AND",
            f"{self._dialect.unindexed}{_IS_HELD}",
            "ORDER BY lease_expires_at, seq LIMIT ?",
        )
        return self._list(join(_SELECT, ended), now, limit)

    def renew_leases(self, instance_id: str, until: Millis) -> int:
        statement = join(
            "UPDATE tasks SET lease_expires_at = ? WHERE assigned_to = ? AND lease_expires_at IS NOT NULL AND",
            _IS_HELD,
        )
        return self._execute(statement, (until, instance_id)).rowcount

    def unfinished_dependencies(self, task: Task) -> list[str]:
        if not task.dependencies:
            return []
        rows = self._execute(_UNFINISHED_OF, (task.seq,))
        return list(dict.fromkeys(f"{project_id}/{id_}" if project_id else id_ for project_id, id_ in rows))

    def next_claimable(self, instance_id: str, role: str, projects: tuple[str, ...] | None) -> Task | None:
        role_key = role.casefold()
        if projects is None:
            found = self._list(_MINE, instance_id, role_key) or self._list(_ANYBODYS, role_key)
        else:
            mine = join(_SELECT, _MINE_IN, self._dialect.among(), "AND", _FREE)
            found = self._list(mine, instance_id, dump_texts(projects), role_key)
            if not found:
                # One look into the index of each project, instead of one through the tasks of all.
                found = [task for project in projects for task in self._list(_ANYBODYS_IN, project, role_key)]
        return min(found, key=lambda task: (_rank(task), task.seq), default=None)

    def _matching(self, which: TaskFilter) -> Where:
        where = Where(self._dialect)
        where.equal("project_id", which.project_id)
        where.equal("status", which.status)
        where.equal("priority", which.priority)
        where.equal("assigned_to", which.assigned_to)
        if which.role is not None:
            where.add("(role_key IS NULL OR role_key = ?)", which.role.casefold())
        where.any_of("tags", which.tags)
        if which.words:
            found = f"SELECT {self._dialect.words_row} FROM task_words WHERE {self._words.match('task')}"  # noqa: S608
            where.add(f"seq IN ({found})", self._words.question("task", which.words))
        if which.due_before is not None:
            where.add("status <> 'completed'")
            where.add(self._dialect.is_due, which.due_before)
        return where

    def _list(self, statement: str, *values: object) -> list[Task]:
        return [_task(row) for row in self._execute(statement, values)]

    def _add_dependencies(self, seq: int, task: Task) -> None:
        rows = []
        for position, name in enumerate(task.dependencies):
            project_id, slash, task_id = name.rpartition("/")
            rows.append((seq, position, project_id if slash else task.project_id, task_id))
        if rows:
            statement = "INSERT INTO task_dependencies (seq, position, project_id, task_id) VALUES (?, ?, ?, ?)"
            self._database.executemany(statement, rows)


def _text(task: Task) -> str:
    return f"{task.title}\n{task.description}"


def _rank(task: Task) -> int:
    return PRIORITIES.index(task.priority) if task.priority in PRIORITIES else len(PRIORITIES)


def _values(task: Task) -> tuple[object, ...]:
    return (
        task.project_id,
        task.id,
        task.title,
        task.description,
        task.status,
        task.priority,
        task.created_at,
        task.updated_at,
        task.assigned_to,
        task.claimed_at,
        task.completed_at,
        task.lease_expires_at,
        task.fence,
        task.role,
        dump_texts(task.dependencies),
        task.estimated_effort,
        task.completion_notes,
        dump_texts(task.tags),
        dump(task.metadata),
        _rank(task),
        None if task.role is None else task.role.casefold(),
    )


def _task(row: Row) -> Task:
    *plain, dependencies, effort, notes, tags, metadata, seq = row
    return Task(*(*plain, load_texts(dependencies), effort, notes, load_texts(tags), load(metadata), seq))
