"""Operations on webhooks, for callers of scope admin."""

from __future__ import annotations

import secrets
from typing import Annotated

from pydantic import Field

from homeport.coordination import webhooks
from homeport.coordination.store import Records
from homeport.coordination.values import MAX_ITEMS, JsonObject
from homeport.coordination.webhooks import Webhook
from homeport.operations import render
from homeport.operations.operation import Arguments, Call, Http, Mutation, Operation

SECRET_BYTES = 32


class CreateWebhook(Mutation):
    """Arguments of ``create_webhook``."""

    url: str
    kinds: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z]+(\.[a-z_]+)?$")]] | None,
        Field(max_length=MAX_ITEMS, description="such as task or message.sent; all if left out"),
    ] = None


class ListWebhooks(Arguments):
    """``list_webhooks`` takes nothing."""


class NamedWebhook(Mutation):
    """Arguments of ``resume_webhook`` and ``delete_webhook``."""

    id: str


def _create(records: Records, given: CreateWebhook, call: Call) -> JsonObject:
    webhook = Webhook(
        id=call.ids.new("wh", call.now),
        url=given.url,
        secret=webhooks.new_secret(secrets.token_bytes(SECRET_BYTES)),
        created_at=call.now,
        position=records.events.last(),
        kinds=tuple(dict.fromkeys(given.kinds or ())),
    )
    stored = webhooks.add(records, webhook)
    return {
        "webhook": {**_shown(stored, records.events.last()), "secret": stored.secret.reveal()},
        "note": "The secret is shown this once: receivers check webhook-signature with it.",
    }


def _list(records: Records, given: ListWebhooks, call: Call) -> JsonObject:
    del given, call
    last = records.events.last()
    return {"webhooks": [_shown(one, last) for one in records.webhooks.all()]}


def _resume(records: Records, given: NamedWebhook, call: Call) -> JsonObject:
    del call
    webhook = webhooks.resumed(webhooks.required(records, given.id))
    records.webhooks.put(webhook)
    return {"webhook": _shown(webhook, records.events.last())}


def _delete(records: Records, given: NamedWebhook, call: Call) -> JsonObject:
    del call
    webhook = webhooks.required(records, given.id)
    records.webhooks.delete(webhook.id)
    return {"webhook": {"id": webhook.id}, "deleted": True}


def _shown(one: Webhook, last: int) -> JsonObject:
    state = "parked" if one.parked_at is not None else "retrying" if one.failures else "active"
    return {
        "id": one.id,
        "url": one.url,
        "kinds": list(one.kinds),
        "state": state,
        "created": render.when(one.created_at),
        "behind": max(0, last - one.position),
        **render.compact(
            failures=one.failures or None,
            last_error=one.last_error,
            parked=render.when(one.parked_at),
            next_attempt=render.when(one.next_attempt_at or None),
        ),
    }


OPERATIONS = (
    Operation(
        name="create_webhook",
        summary="Have an address told of what happens, signed and in order; answers with the secret, once.",
        arguments=CreateWebhook,
        work=_create,
        kind="write",
        http=Http("POST", "/webhooks"),
        answer={"webhook": {"type": "object"}},
        listed=False,
        needs="admin",
    ),
    Operation(
        name="list_webhooks",
        summary="The webhooks, how far behind each is, and which are parked.",
        arguments=ListWebhooks,
        work=_list,
        kind="read",
        http=Http("GET", "/webhooks"),
        answer={"webhooks": {"type": "array"}},
        listed=False,
        needs="admin",
    ),
    Operation(
        name="resume_webhook",
        summary="Try a parked webhook again, from where it stopped.",
        arguments=NamedWebhook,
        work=_resume,
        kind="write",
        http=Http("POST", "/webhooks/{id}/resume"),
        answer={"webhook": {"type": "object"}},
        listed=False,
        needs="admin",
    ),
    Operation(
        name="delete_webhook",
        summary="Tell an address nothing more.",
        arguments=NamedWebhook,
        work=_delete,
        kind="write",
        http=Http("DELETE", "/webhooks/{id}"),
        answer={"webhook": {"type": "object"}},
        listed=False,
        destructive=True,
        needs="admin",
    ),
)
