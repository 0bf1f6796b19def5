"""Operations on tokens, for callers of scope admin; ``homeport token`` does the same beside the server."""

from __future__ import annotations

import secrets
from typing import Annotated

from pydantic import Field, field_validator

from homeport.coordination import tokens
from homeport.coordination.store import Records
from homeport.coordination.tokens import Request, Scope, Token
from homeport.coordination.values import JsonObject
from homeport.operations import render
from homeport.operations.operation import Arguments, Call, Http, Mutation, Operation

_DAY = 24 * 60 * 60 * 1000


class CreateToken(Mutation):
    """Arguments of ``create_token``."""

    name: str
    scope: Scope = "write"
    instance_id: Annotated[str | None, Field(description="the one instance that it speaks as; any if left out")] = None
    days: Annotated[int | None, Field(ge=1, le=3650, description="until it ends; it never does if left out")] = None

    @field_validator("idempotency_key")
    @classmethod
    def _none(cls, key: str | None) -> str | None:
        if key is not None:
            raise ValueError("the first answer would be kept, and with it the token")
        return key


class ListTokens(Arguments):
    """``list_tokens`` takes nothing."""


class RevokeToken(Mutation):
    """Arguments of ``revoke_token``."""

    id: str


def _create(records: Records, given: CreateToken, call: Call) -> JsonObject:
    until = None if given.days is None else call.now + given.days * _DAY
    wanted = Request(given.name, given.scope, given.instance_id, until)
    random = secrets.token_bytes(tokens.RANDOM_BYTES)
    token, text = tokens.create(records, wanted, call.place.environment, random, call.now)
    return {"token": {**_shown(token, call), "text": text.reveal()}, "note": "The text is shown this once."}


def _list(records: Records, given: ListTokens, call: Call) -> JsonObject:
    del given
    return {"tokens": [_shown(one, call) for one in records.tokens.all()]}


def _revoke(records: Records, given: RevokeToken, call: Call) -> JsonObject:
    return {"token": _shown(tokens.revoke(records, given.id, call.now), call)}


def _shown(one: Token, call: Call) -> JsonObject:
    return {
        "id": one.id,
        "name": one.name,
        "scope": one.scope,
        "state": one.state(call.now),
        "begins": tokens.shown_prefix(call.place.environment, one.id),
        "created": render.when(one.created_at),
        **render.compact(
            instance_id=one.instance_id,
            expires=render.when(one.expires_at),
            revoked=render.when(one.revoked_at),
            last_used=render.when(one.last_used_at),
        ),
    }


OPERATIONS = (
    Operation(
        name="create_token",
        summary="Make a token; answers with its text, once.",
        arguments=CreateToken,
        work=_create,
        kind="write",
        http=Http("POST", "/tokens"),
        answer={"token": {"type": "object"}},
        listed=False,
        needs="admin",
    ),
    Operation(
        name="list_tokens",
        summary="All tokens, the oldest first; there is no secret in them.",
        arguments=ListTokens,
        work=_list,
        kind="read",
        http=Http("GET", "/tokens"),
        answer={"tokens": {"type": "array"}},
        listed=False,
        needs="admin",
    ),
    Operation(
        name="revoke_token",
        summary="End a token for good, and with it all that was opened in its name.",
        arguments=RevokeToken,
        work=_revoke,
        kind="write",
        http=Http("POST", "/tokens/{id}/revoke"),
        answer={"token": {"type": "object"}},
        listed=False,
        destructive=True,
        needs="admin",
    ),
)
