"""Messages: an inbox for each identity, threads, and writing."""

from __future__ import annotations

import asyncio
from typing import Final

from homeport.coordination.values import MAX_PAGE, JsonObject
from homeport.errors import CallError, NotFoundError
from homeport.transports.pages.texts import segment
from homeport.transports.pages.view import Answer, Page, Redirect, View, Visitor

ROWS: Final = 50
IN_THREAD: Final = 60
"""Messages of a thread that are shown whole; a longer one begins with its newest."""
PRIORITIES: Final = ("normal", "urgent", "high", "low")


async def inbox(visitor: Visitor) -> Answer:
    """What came for somebody: unread, all, or archived; or everybody's messages."""
    bound = visitor.exchange.caller.instance_id
    box = visitor.query.get("box", "inbox" if visitor.name else "everybody")
    whose = bound or visitor.query.get("of") or visitor.name
    cursor = visitor.query.get("cursor")
    found: JsonObject | None
    if box == "everybody" and bound is None:
        found = await visitor.read("get_messages", limit=ROWS, cursor=cursor)
    elif whose is None:
        found = {"messages": [], "total": 0, "unread": 0}
    elif box == "archive":
        found = await visitor.find("get_archived_messages", instanceId=whose, limit=ROWS, cursor=cursor)
    elif box == "sent":
        found = await _sent(visitor, whose, cursor)
    else:
        unread = True if box == "unread" else None
        found = await visitor.find("get_messages", instanceId=whose, unread_only=unread, limit=ROWS, cursor=cursor)
    context = {
        "box": box,
        "whose": whose,
        "is_own": whose == visitor.name,
        "bound": bound is not None,
        "messages": found["messages"] if found else [],
        "counts": found or {},
        "older": found.get("next_cursor") if found else None,
    }
    return Page("inbox.html", "Messages", context)


async def _sent(visitor: Visitor, whose: str, cursor: str | None) -> JsonObject:
    if visitor.exchange.caller.instance_id is None:
        return await visitor.read("get_messages", from_=whose, limit=ROWS, cursor=cursor)
    # Who speaks as one instance sees its own inbox alone; what it sent is told by what happened.
    history = await visitor.read("get_history", kinds=["message.sent"], actor=whose, limit=ROWS, cursor=cursor)
    found = await asyncio.gather(*(visitor.find("get_message", id=one["subject"]) for one in history["events"]))
    rest = {"next_cursor": history["next_cursor"]} if "next_cursor" in history else {}
    return {"messages": [one["message"] for one in found if one is not None], **rest}


async def message(visitor: Visitor, complaint: CallError | None = None) -> Answer:
    """One message with the whole thread that it belongs to, the oldest first."""
    wanted = (await visitor.read("get_message", id=visitor.path["id"], instanceId=visitor.name))["message"]
    root = wanted.get("thread_id") or wanted["id"]
    thread = await _thread(visitor, root, wanted)
    newest = thread[-1]
    context = {
        "wanted": wanted,
        "thread": thread,
        "newest": newest,
        "reply_to": _answers_to(newest, visitor.name),
        "complaint": complaint,
        "text": visitor.form.get("content", ""),
    }
    return Page("message.html", wanted["subject"] or "A message", context, complaint.http_status if complaint else 200)


async def _thread(visitor: Visitor, root: str, wanted: JsonObject) -> list[JsonObject]:
    if visitor.exchange.caller.instance_id is None:
        listed = await visitor.read("get_messages", thread_id=root, limit=IN_THREAD)
    else:
        listed = await visitor.find("get_messages", thread_id=root, limit=IN_THREAD) or {"messages": []}
    ids = list(dict.fromkeys([root, *(one["id"] for one in reversed(listed["messages"]))]))
    found = await asyncio.gather(*(visitor.find("get_message", id=one, instanceId=visitor.name) for one in ids))
    thread = [one["message"] for one in found if one is not None]
    if wanted["id"] not in {one["id"] for one in thread}:
        thread.append(wanted)
    return sorted(thread, key=lambda one: str(one["created"]))


def _answers_to(newest: JsonObject, name: str | None) -> str:
    """Whom an answer is for: who wrote last, or whom one wrote to oneself."""
    return str(newest["to"] if newest["from"] == name else newest["from"])


async def new(visitor: Visitor, complaint: CallError | None = None) -> Answer:
    """The page to write on."""
    instances, projects, roles = await asyncio.gather(
        visitor.read("get_instances", limit=MAX_PAGE),
        visitor.read("get_projects", limit=MAX_PAGE),
        visitor.read("get_available_roles"),
    )
    filled = visitor.form or visitor.query
    names = [one["id"] for one in instances["instances"]]
    known_roles = {one["role"] for one in instances["instances"]} | {str(one["name"]) for one in roles["roles"]}
    context = {
        "people": names,
        "roles": sorted(known_roles, key=str.casefold),
        "projects": projects["projects"],
        "priorities": PRIORITIES,
        "complaint": complaint,
        "filled": {key: filled.get(key, "") for key in ("to", "subject", "content", "priority")},
    }
    return Page("compose.html", "New message", context, complaint.http_status if complaint else 200)


async def send(visitor: Visitor) -> Answer:
    """Sends a new message."""
    try:
        sent = await visitor.write(
            "send_message",
            from_=visitor.named(),
            to=visitor.filled("to", 4_000),
            always={"subject": visitor.filled("subject"), "content": visitor.text("content")},
            priority=visitor.filled("priority") or "normal",
            idempotency_key=visitor.filled("once", 80) or None,
        )
    except CallError as error:
        return await new(visitor, error)
    return Redirect(f"/inbox/{segment(sent['message']['id'])}", "waiting" if "waiting_for" in sent else "sent")


async def answer(visitor: Visitor) -> Answer:
    """Answers a message in its thread."""
    replied_to = (await visitor.read("get_message", id=visitor.path["id"], instanceId=visitor.name))["message"]
    subject = replied_to["subject"]
    try:
        sent = await visitor.write(
            "send_message",
            from_=visitor.named(),
            to=visitor.filled("to", 4_000),
            always={
                "subject": subject if subject.lower().startswith("re:") else f"Re: {subject}"[:400],
                "content": visitor.text("content"),
            },
            reply_to=replied_to["id"],
            idempotency_key=visitor.filled("once", 80) or None,
        )
    except CallError as error:
        return await message(visitor, error)
    return Redirect(f"/inbox/{segment(sent['message']['id'])}", "sent")


async def read(visitor: Visitor) -> Answer:
    """Marks a message as read."""
    await visitor.write("mark_message_read", id=visitor.path["id"], reader_id=visitor.named())
    return Redirect(_back(visitor), "read")


async def archive(visitor: Visitor) -> Answer:
    """Moves a message to one's archive."""
    await visitor.write("archive_message", id=visitor.path["id"], archiver_id=visitor.named())
    return Redirect("/inbox", "archived")


def _back(visitor: Visitor) -> str:
    if not visitor.path["id"]:
        raise NotFoundError("There is no such message.")
    return "/inbox" if visitor.form.get("back") == "inbox" else f"/inbox/{segment(visitor.path['id'])}"


VIEWS = (
    View("GET", "/inbox", inbox),
    View("GET", "/inbox/new", new),
    View("POST", "/inbox/new", send),
    View("GET", "/inbox/{id}", message),
    View("POST", "/inbox/{id}/answer", answer),
    View("POST", "/inbox/{id}/read", read),
    View("POST", "/inbox/{id}/archive", archive),
)
