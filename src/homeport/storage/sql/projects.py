"""Projects and memberships in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from homeport.coordination.projects import Project, ProjectFilter
from homeport.coordination.values import Millis, Page
from homeport.storage.sql.codec import dump, dump_texts, load, load_texts
from homeport.storage.sql.database import Database, Dialect, Row
from homeport.storage.sql.statements import Where, join
from homeport.storage.sql.words import Words

_SELECT: Final = "SELECT id, name, description, status, priority, created_at, updated_at, tags, metadata FROM projects"
_GET: Final = join(_SELECT, "WHERE id = ?")
_PUT: Final = """
    INSERT INTO projects (id, name, description, status, priority, created_at, updated_at, tags, metadata)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        name = excluded.name, description = excluded.description, status = excluded.status,
        priority = excluded.priority, created_at = excluded.created_at, updated_at = excluded.updated_at,
        tags = excluded.tags, metadata = excluded.metadata
    RETURNING seq
"""
_JOIN: Final = """
    INSERT INTO memberships (project_id, instance_id, joined_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
"""


class SqlProjects:
    """See :class:`homeport.coordination.store.Projects`."""

    def __init__(self, database: Database, dialect: Dialect, words: Words) -> None:
        self._execute = database.execute
        self._dialect = dialect
        self._words = words

    def get(self, project_id: str) -> Project | None:
        row = self._execute(_GET, (project_id,)).fetchone()
        return None if row is None else _project(row)

    def put(self, project: Project) -> None:
        values = (
            project.id,
            project.name,
            project.description,
            project.status,
            project.priority,
            project.created_at,
            project.updated_at,
            dump_texts(project.tags),
            dump(project.metadata),
        )
        [(seq,)] = self._execute(_PUT, values).fetchall()
        self._words.remove("project", seq)
        self._words.add("project", seq, f"{project.name}\n{project.description}", project.id)

    def delete(self, project_id: str) -> None:
        rows = self._execute("SELECT seq FROM tasks WHERE project_id = ?", (project_id,)).fetchall()
        for (seq,) in rows:
            self._words.remove("task", seq)
        self._execute("DELETE FROM tasks WHERE project_id = ?", (project_id,))
        self._execute("DELETE FROM memberships WHERE project_id = ?", (project_id,))
        gone = self._execute("DELETE FROM projects WHERE id = ? RETURNING seq", (project_id,)).fetchall()
        for (seq,) in gone:
            self._words.remove("project", seq)

    def select(self, which: ProjectFilter, page: Page) -> Sequence[Project]:
        where = self._matching(which)
        if page.after is not None:
            where.add("id > ?", page.after[0])
        statement = join(_SELECT, str(where), "ORDER BY id LIMIT ?")
        return [_project(row) for row in self._execute(statement, (*where.values, page.limit))]

    def count(self, which: ProjectFilter) -> int:
        where = self._matching(which)
        row = self._execute(join("SELECT count(*) FROM projects", str(where)), where.values).fetchone()
        return int(row[0]) if row else 0

    def ids(self) -> list[str]:
        return [row[0] for row in self._execute("SELECT id FROM projects ORDER BY id")]

    def members(self, project_id: str) -> list[str]:
        statement = "SELECT instance_id FROM memberships WHERE project_id = ? ORDER BY instance_id"
        return [row[0] for row in self._execute(statement, (project_id,))]

    def projects_of(self, instance_id: str) -> list[str]:
        statement = "SELECT project_id FROM memberships WHERE instance_id = ? ORDER BY project_id"
        return [row[0] for row in self._execute(statement, (instance_id,))]

    def add_member(self, project_id: str, instance_id: str, now: Millis) -> bool:
        return self._execute(_JOIN, (project_id, instance_id, now)).rowcount == 1

    def remove_member(self, project_id: str, instance_id: str) -> bool:
        statement = "DELETE FROM memberships WHERE project_id = ? AND instance_id = ?"
        return self._execute(statement, (project_id, instance_id)).rowcount == 1

    def _matching(self, which: ProjectFilter) -> Where:
        where = Where(self._dialect)
        where.equal("status", which.status)
        where.equal("priority", which.priority)
        where.any_of("tags", which.tags)
        return where


def _project(row: Row) -> Project:
    *plain, tags, metadata = row
    return Project(*(*plain, load_texts(tags), load(metadata)))
