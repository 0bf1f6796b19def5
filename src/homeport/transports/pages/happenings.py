"""Events in words: who did what to what, with a link to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeport.transports.pages.texts import segment, task_path

_WORDS: Final = {
    "grant.created": "let in a client",
    "grant.ended": "ended the access of a client",
    "instance.deactivated": "signed off",
    "instance.registered": "arrived for the first time",
    "instance.returned": "came back",
    "lesson.submitted": "handed in lessons",
    "message.deleted": "deleted a message",
    "message.delivered": "got mail that had waited",
    "message.sent": "sent a message",
    "project.created": "began the project",
    "project.deleted": "removed the project",
    "project.updated": "changed the project",
    "task.claimed": "took",
    "task.created": "created",
    "task.lease_ended": "went silent and lost",
    "task.released": "gave back",
    "task.updated": "changed",
    "token.created": "made a token",
    "token.revoked": "revoked a token",
}
_PASSIVE: Final = {
    "project.created": "A project was begun:",
    "project.updated": "A project was changed:",
    "project.deleted": "A project was removed:",
    "task.created": "New task",
    "task.updated": "A task was changed:",
    "token.created": "A token was made:",
    "token.revoked": "A token was revoked:",
    "grant.created": "Somebody signed in:",
    "grant.ended": "Somebody signed out:",
}
_STATUS: Final = {
    "blocked": "is blocked on",
    "completed": "completed",
    "in_progress": "began work on",
    "pending": "put back",
    "claimed": "took",
}
_QUIET: Final = frozenset({"message.read", "message.archived"})
"""What happens all day long and tells nobody anything."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One line: ``actor`` ``words`` ``thing``; ``times`` where it happened several times in a row."""

    at: str
    kind: str
    actor: str | None
    words: str
    thing: str = ""
    link: str = ""
    times: int = 1


def happenings(events: Iterable[Mapping[str, Any]]) -> list[Happening]:
    """Events, newest first, as lines: the quiet ones left out, the same by the same in a row as one."""
    lines: list[Happening] = []
    for event in events:
        if event["kind"] in _QUIET:
            continue
        line = told(event)
        last = lines[-1] if lines else None
        if last is not None and last.kind == line.kind and last.actor == line.actor and line.kind == "message.sent":
            times = last.times + 1
            lines[-1] = Happening(last.at, last.kind, last.actor, f"sent {times} messages", times=times)
        else:
            lines.append(line)
    return lines


def told(event: Mapping[str, Any]) -> Happening:
    """One event in words."""
    kind, actor = event["kind"], event.get("actor")
    data = event.get("data", {})
    words = _WORDS.get(kind, kind.replace(".", " ").replace("_", " "))
    if kind == "task.updated":
        words = _STATUS.get(str(data.get("to")), words)
    elif kind == "instance.status":
        words = f"is {data.get('status', 'changed')}"
    if actor is None:
        words = _PASSIVE.get(kind, f"{words[:1].upper()}{words[1:]}")
    thing, link = _thing(event)
    return Happening(event["at"], kind, actor, words, thing, link)


def _thing(event: Mapping[str, Any]) -> tuple[str, str]:
    """What it happened to, as it is called and where it is."""
    noun = event["kind"].partition(".")[0]
    subject = event.get("subject")
    data = event.get("data", {})
    if subject is None:
        return "", ""
    if noun == "task":
        project, slash, task = subject.rpartition("/")
        return task, task_path(project if slash else None, task)
    if noun == "project":
        return subject, f"/projects/{segment(subject)}"
    if event["kind"] == "message.sent":
        return "", f"/inbox/{segment(subject)}"
    if noun in ("token", "grant"):
        return str(data.get("name") or data.get("client") or subject), ""
    return "", ""
