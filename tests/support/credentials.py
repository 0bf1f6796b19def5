"""Tokens for tests."""

from __future__ import annotations

import secrets
from typing import Any

from homeport.coordination import tokens
from homeport.coordination.store import Store
from homeport.coordination.tokens import Request, Token
from tests.support.desk import START


async def issued(
    store: Store, name: str = "nova", *, environment: str = "development", **wanted: Any
) -> tuple[Token, str]:
    """A good token of an environment, and its text; ``wanted`` is what :class:`Request` takes."""
    random = secrets.token_bytes(tokens.RANDOM_BYTES)
    request = Request(name, **wanted)
    token, text = await store.write(lambda records: tokens.create(records, request, environment, random, START))
    return token, text.reveal()


def bearer(text: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"authorization": f"Bearer {text}"}
