"""Roles: ``roles/roles.json`` and ``roles/<Role>/*.md``. Nothing here changes them, so they are given back as is."""

from __future__ import annotations

from homeport.coordination.roles import Role
from homeport.coordination.values import JsonObject
from homeport.exchange.json_v1.shapes import as_object, as_text


def decode(record: JsonObject, name: str) -> Role:
    """The role that a record of one key describes; a description that is no object is its ``description``."""
    described = next(iter(record.values()))
    return Role(name, as_object(described if isinstance(described, dict) else {"description": as_text(described)}))


def encode(role: Role) -> JsonObject:
    """A new record."""
    return {role.name: role.description}
