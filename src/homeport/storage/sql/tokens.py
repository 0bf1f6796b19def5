"""Tokens in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from homeport.coordination.tokens import Token
from homeport.coordination.values import Millis
from homeport.storage.sql.database import Database

_SELECT: Final = """
    SELECT id, name, scope, instance_id, digest, created_at, expires_at, revoked_at, last_used_at FROM tokens
"""
_GET: Final = f"{_SELECT} WHERE id = ?"
_ALL: Final = f"{_SELECT} ORDER BY created_at, id"
_PUT: Final = """
    INSERT INTO tokens (id, name, scope, instance_id, digest, created_at, expires_at, revoked_at, last_used_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        name = excluded.name, scope = excluded.scope, instance_id = excluded.instance_id, digest = excluded.digest,
        created_at = excluded.created_at, expires_at = excluded.expires_at, revoked_at = excluded.revoked_at,
        last_used_at = excluded.last_used_at
"""
_TOUCH: Final = "UPDATE tokens SET last_used_at = ? WHERE id = ? AND coalesce(last_used_at, 0) < ?"


class SqlTokens:
    """See :class:`homeport.coordination.store.Tokens`."""

    def __init__(self, database: Database) -> None:
        self._execute = database.execute

    def get(self, token_id: str) -> Token | None:
        row = self._execute(_GET, (token_id,)).fetchone()
        return None if row is None else Token(*row)

    def put(self, token: Token) -> None:
        values = (
            token.id,
            token.name,
            token.scope,
            token.instance_id,
            token.digest,
            token.created_at,
            token.expires_at,
            token.revoked_at,
            token.last_used_at,
        )
        self._execute(_PUT, values)

    def touch(self, token_id: str, now: Millis) -> None:
        self._execute(_TOUCH, (now, token_id, now))

    def all(self) -> Sequence[Token]:
        return [Token(*row) for row in self._execute(_ALL)]
