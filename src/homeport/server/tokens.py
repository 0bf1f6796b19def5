"""Tokens of an environment: made, listed and revoked beside its server."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TypeVar

from homeport.coordination import tokens
from homeport.coordination.store import Records, Store
from homeport.coordination.tokens import RANDOM_BYTES, Request, Token
from homeport.coordination.values import Millis
from homeport.secret import Secret
from homeport.server.beside import with_store
from homeport.server.opening import DataPlace

T = TypeVar("T")


def create(place: DataPlace, wanted: Request) -> tuple[Token, Secret]:
    """See :func:`homeport.server.create_token`."""
    random = secrets.token_bytes(RANDOM_BYTES)
    return _write(place, lambda records, now: tokens.create(records, wanted, place.environment, random, now))


def revoke(place: DataPlace, token_id: str) -> Token:
    """See :func:`homeport.server.revoke_token`."""
    return _write(place, lambda records, now: tokens.revoke(records, token_id, now))


def listed(place: DataPlace) -> list[Token]:
    """See :func:`homeport.server.list_tokens`."""
    if place.find_identity() is None:
        # Nothing is there yet, and a look must not begin it.
        return []

    async def look(store: Store) -> list[Token]:
        try:
            return await store.read(lambda records: list(records.tokens.all()))
        finally:
            await store.close()

    return with_store(place, look)


def _write(place: DataPlace, work: Callable[[Records, Millis], T]) -> T:
    now = time.time_ns() // 1_000_000

    async def write(store: Store) -> T:
        try:
            return await store.write(lambda records: work(records, now))
        finally:
            await store.close()

    return with_store(place, write)
