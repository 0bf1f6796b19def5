"""Tokens and webhooks: who may call, and who is told. For those whose token is of scope admin."""

from __future__ import annotations

from typing import Final

from homeport.coordination.tokens import SCOPES
from homeport.coordination.values import JsonObject
from homeport.errors import CallError, InvalidError
from homeport.transports.pages.view import Answer, Page, Redirect, View, Visitor

DAYS: Final = (("", "never"), ("30", "after 30 days"), ("90", "after 90 days"), ("365", "after a year"))


async def tokens(visitor: Visitor, complaint: CallError | None = None, made: JsonObject | None = None) -> Answer:
    """All tokens, and the form for another."""
    found = (await visitor.read("list_tokens"))["tokens"]
    context = {
        "good": [one for one in found if one["state"] == "good"],
        "ended": [one for one in found if one["state"] != "good"],
        "scopes": SCOPES,
        "days": DAYS,
        "made": made,
        "complaint": complaint,
        "filled": {key: visitor.form.get(key, "") for key in ("name", "scope", "instance", "days")},
    }
    return Page("tokens.html", "Tokens", context, complaint.http_status if complaint else 200)


async def create_token(visitor: Visitor) -> Answer:
    """Makes one, and shows it: the only answer of a form that is no redirect, since it is told once."""
    try:
        days = visitor.filled("days", 5)
        if days and not (days.isascii() and days.isdigit()):
            raise InvalidError(f"days: {days!r} is no number of days.", "Choose one of the list.")
        made = await visitor.write(
            "create_token",
            name=visitor.filled("name", 200),
            scope=visitor.filled("scope") or "write",
            instance_id=visitor.filled("instance", 200),
            days=int(days) if days else None,
        )
    except CallError as error:
        return await tokens(visitor, error)
    return await tokens(visitor, made=made["token"])


async def revoke_token(visitor: Visitor) -> Answer:
    """Ends one."""
    await visitor.write("revoke_token", id=visitor.path["id"])
    return Redirect("/tokens", "revoked")


async def webhooks(visitor: Visitor, complaint: CallError | None = None, made: JsonObject | None = None) -> Answer:
    """All webhooks, and the form for another."""
    context = {
        "webhooks": (await visitor.read("list_webhooks"))["webhooks"],
        "made": made,
        "complaint": complaint,
        "filled": {key: visitor.form.get(key, "") for key in ("url", "kinds")},
    }
    return Page("webhooks.html", "Webhooks", context, complaint.http_status if complaint else 200)


async def create_webhook(visitor: Visitor) -> Answer:
    """Makes one, and shows its secret once."""
    try:
        kinds = [one.strip() for one in visitor.filled("kinds").split(",") if one.strip()]
        made = await visitor.write("create_webhook", url=visitor.filled("url", 2_000), kinds=kinds)
    except CallError as error:
        return await webhooks(visitor, error)
    return await webhooks(visitor, made=made["webhook"])


async def resume_webhook(visitor: Visitor) -> Answer:
    """Tries one again that was parked."""
    await visitor.write("resume_webhook", id=visitor.path["id"])
    return Redirect("/webhooks", "changed")


async def delete_webhook(visitor: Visitor) -> Answer:
    """Tells an address nothing more."""
    await visitor.write("delete_webhook", id=visitor.path["id"])
    return Redirect("/webhooks", "removed")


VIEWS = (
    View("GET", "/tokens", tokens),
    View("POST", "/tokens", create_token),
    View("POST", "/tokens/{id}/revoke", revoke_token),
    View("GET", "/webhooks", webhooks),
    View("POST", "/webhooks", create_webhook),
    View("POST", "/webhooks/{id}/resume", resume_webhook),
    View("POST", "/webhooks/{id}/delete", delete_webhook),
)
