"""Roles: what parts there are to play, and the documents that explain them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeport.coordination.values import JsonObject, did_you_mean
from homeport.errors import NotFoundError

if TYPE_CHECKING:
    from homeport.coordination.store import Records


@dataclass(frozen=True, slots=True)
class Role:
    """A role and its description, as the team's own data has it (title, category, responsibilities, …)."""

    name: str
    description: JsonObject


@dataclass(frozen=True, slots=True)
class RoleDocument:
    """A text that belongs to a role."""

    role: str
    name: str
    text: str


def required(records: Records, name: str) -> Role:
    """The role of that name, in any case.

    Raises:
        NotFoundError: there is none; the hint offers near names.
    """
    role = records.roles.get(name)
    if role is None:
        near = did_you_mean(name, [role.name for role in records.roles.all()])
        raise NotFoundError(f"role_name: no role {name!r}.", near or "No role is defined in this environment.")
    return role


def document(records: Records, role_name: str, name: str) -> RoleDocument:
    """A role's document.

    Raises:
        NotFoundError: there is no such role, or it has no document of that name.
    """
    role = required(records, role_name)
    documents = records.roles.documents(role.name)
    for found in documents:
        if found.name == name:
            return found
    near = did_you_mean(name, [found.name for found in documents])
    raise NotFoundError(f"document_name: role {role.name} has no document {name!r}.", near)
