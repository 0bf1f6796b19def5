"""Which files a json-v1 directory has, and where a record belongs. Names alone; nothing here touches a disk."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from homeport.coordination.values import checked_name
from homeport.errors import InvalidError

INSTANCES: Final = "instances.json"
MANIFEST: Final = "projects/manifest.json"
LESSONS_INDEX: Final = "lessons/index.json"
ROLES: Final = "roles/roles.json"
GLOBAL_INBOX: Final = "messages/inbox/inbox.json"
NO_PROJECT_TASKS: Final = "projects/_none/tasks.json"
"""Tasks of no project, which the earlier server does not have; its ``project_id`` is null."""

_MONTH: Final = re.compile(r"\d{4}-\d{2}\.json")
_SAFE: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_RESERVED: Final = frozenset({"manifest.json", "roles.json", "_none"})
"""Names that mean something where names of projects and roles stand."""
_MAX_BYTES: Final = 200
"""Of a name as part of a path: file systems allow 255, and temporary names are longer than the name itself."""


class Kind(StrEnum):
    """What a file holds."""

    INSTANCES = "instances"
    MANIFEST = "manifest"
    TASKS = "tasks"
    MESSAGES = "messages"
    LESSONS_INDEX = "lessons_index"
    LESSONS = "lessons"
    ROLES = "roles"
    DOCUMENT = "document"

    @property
    def container(self) -> str | None:
        """The key under which the records of such a file stand."""
        return _CONTAINERS.get(self)


_CONTAINERS: Final = {
    Kind.INSTANCES: "instances",
    Kind.MANIFEST: "projects",
    Kind.TASKS: "tasks",
    Kind.MESSAGES: "messages",
    Kind.LESSONS: "submissions",
    Kind.ROLES: "roles",
}


_SINGLE: Final = {
    INSTANCES: Kind.INSTANCES,
    MANIFEST: Kind.MANIFEST,
    LESSONS_INDEX: Kind.LESSONS_INDEX,
    ROLES: Kind.ROLES,
}


@dataclass(frozen=True, slots=True)
class Place:
    """What a path says: the kind of file, whose it is, and for messages which inbox and which archive.

    ``owner`` is the project, the recipient or the role. ``box`` is ``all``, ``instance`` or ``project``.
    """

    kind: Kind
    owner: str = ""
    box: str = ""
    archive: bool = False


def place_of(path: str) -> Place | None:
    """What a path relative to the directory is; None where the format has no such file."""
    if path in _SINGLE:
        return Place(_SINGLE[path])
    match path.split("/"):
        case ["projects", owner, "tasks.json"]:
            return Place(Kind.TASKS, owner)
        case ["messages", *parts]:
            return _messages(parts)
        case ["lessons", "projects", name] if name.endswith(".json") and name != ".json":
            return Place(Kind.LESSONS, name.removesuffix(".json"))
        case ["roles", owner, name] if name.endswith(".md"):
            return Place(Kind.DOCUMENT, owner)
        case _:
            return None


def place_in(path: str, envelope: object) -> Place | None:
    """The same, with the owner's whole name where the path has it escaped or shortened and the file says it."""
    place = place_of(path)
    if place is None or not isinstance(envelope, dict):
        return place
    names = [envelope.get(key) for key in ("instance_id", "project_id")]
    whole = (name for name in names if isinstance(name, str) and name and segment(name) == place.owner)
    return replace(place, owner=next(whole, place.owner))


def _messages(parts: list[str]) -> Place | None:
    archive = False
    match parts:
        case [*above, "archive", month] if _MONTH.fullmatch(month):
            archive = True
        case [*above, "inbox.json"] if above:
            pass
        case _:
            return None
    match above:
        case [] | ["inbox"]:
            return Place(Kind.MESSAGES, "", "all", archive)
        case ["instances", owner]:
            return Place(Kind.MESSAGES, owner, "instance", archive)
        case ["projects", owner]:
            return Place(Kind.MESSAGES, owner, "project", archive)
        case _:
            return None


def segment(name: str) -> str:
    """A name as one part of a path: itself where that is safe, else with the unsafe characters escaped.

    Whatever comes from data goes through here, so that no name leads out of the directory or is too long for
    a file system; a shortened name ends in a digest of the whole.
    """
    try:
        safe = checked_name(name, "name")
        if safe in _RESERVED:
            safe = f"%{ord(safe[0]):02X}{safe[1:]}"
        size = len(safe.encode())
    except (InvalidError, UnicodeEncodeError):
        data = name.encode("utf-8", "surrogatepass")
        safe = "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in data)
        size = len(safe)
    if not safe or size > _MAX_BYTES:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        kept = safe.encode()[: _MAX_BYTES - 20].decode(errors="ignore")
        return f"{kept}~{digest}"
    return safe


def tasks_path(project_id: str) -> str:
    """Where a project's tasks lie."""
    return f"projects/{segment(project_id)}/tasks.json" if project_id else NO_PROJECT_TASKS


def lessons_path(project_id: str) -> str:
    """Where a project's lessons lie."""
    return f"lessons/projects/{segment(project_id)}.json"


def inbox_path(box: str, owner: str) -> str:
    """Where the messages of an inbox lie."""
    return GLOBAL_INBOX if box == "all" else f"messages/{box}s/{segment(owner)}/inbox.json"


def archive_path(inbox: str, month: str) -> str:
    """Where the messages lie that were archived from an inbox in a month (``YYYY-MM``)."""
    return f"{inbox.rpartition('/')[0]}/archive/{month}.json"


def document_path(role: str, name: str) -> str:
    """Where a role's document lies."""
    return f"roles/{segment(role)}/{segment(name)}"
