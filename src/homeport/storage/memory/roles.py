"""Roles and their documents in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence

from homeport.coordination.roles import Role, RoleDocument
from homeport.storage.memory.tables import Tables


class MemoryRoles:
    """See :class:`homeport.coordination.store.Roles`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, name: str) -> Role | None:
        return self._tables.roles.get(name.casefold())

    def all(self) -> Sequence[Role]:
        return [role for _, role in sorted(self._tables.roles.items())]

    def put(self, role: Role) -> None:
        self._tables.roles[role.name.casefold()] = role

    def documents(self, role_name: str) -> Sequence[RoleDocument]:
        role = role_name.casefold()
        return [document for (of, _), document in sorted(self._tables.documents.items()) if of == role]

    def put_document(self, document: RoleDocument) -> None:
        self._tables.documents[document.role.casefold(), document.name] = document
