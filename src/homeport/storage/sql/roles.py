"""Roles and their documents in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from homeport.coordination.roles import Role, RoleDocument
from homeport.storage.sql.codec import dump, load
from homeport.storage.sql.database import Database

_PUT: Final = """
    INSERT INTO roles (role_key, name, description) VALUES (?, ?, ?)
    ON CONFLICT (role_key) DO UPDATE SET name = excluded.name, description = excluded.description
"""
_PUT_DOCUMENT: Final = """
    INSERT INTO role_documents (role_key, name, role, text) VALUES (?, ?, ?, ?)
    ON CONFLICT (role_key, name) DO UPDATE SET role = excluded.role, text = excluded.text
"""
_KNOWN: Final = """
    SELECT EXISTS (SELECT 1 FROM roles WHERE role_key = ?) OR EXISTS (SELECT 1 FROM instances WHERE role_key = ?)
"""


class SqlRoles:
    """See :class:`homeport.coordination.store.Roles`."""

    def __init__(self, database: Database) -> None:
        self._execute = database.execute

    def get(self, name: str) -> Role | None:
        row = self._execute("SELECT name, description FROM roles WHERE role_key = ?", (name.casefold(),)).fetchone()
        return None if row is None else Role(row[0], load(row[1]))

    def all(self) -> Sequence[Role]:
        rows = self._execute("SELECT name, description FROM roles ORDER BY role_key")
        return [Role(name, load(description)) for name, description in rows]

    def put(self, role: Role) -> None:
        self._execute(_PUT, (role.name.casefold(), role.name, dump(role.description)))

    def documents(self, role_name: str) -> Sequence[RoleDocument]:
        statement = "SELECT role, name, text FROM role_documents WHERE role_key = ? ORDER BY name"
        return [RoleDocument(*row) for row in self._execute(statement, (role_name.casefold(),))]

    def put_document(self, document: RoleDocument) -> None:
        self._execute(_PUT_DOCUMENT, (document.role.casefold(), document.name, document.role, document.text))

    def known(self, name: str) -> bool:
        """Whether a role of that name is defined or held by an instance."""
        row = self._execute(_KNOWN, (name.casefold(), name.casefold())).fetchone()
        return bool(row and row[0])
