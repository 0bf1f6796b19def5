"""Tokens in a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from homeport.coordination.tokens import Token, in_order
from homeport.coordination.values import Millis
from homeport.storage.memory.tables import Tables


class MemoryTokens:
    """See :class:`homeport.coordination.store.Tokens`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, token_id: str) -> Token | None:
        return self._tables.tokens.get(token_id)

    def put(self, token: Token) -> None:
        self._tables.tokens[token.id] = token

    def touch(self, token_id: str, now: Millis) -> None:
        known = self.get(token_id)
        if known is not None:
            self.put(replace(known, last_used_at=max(now, known.last_used_at or now)))

    def all(self) -> Sequence[Token]:
        return in_order(list(self._tables.tokens.values()))
