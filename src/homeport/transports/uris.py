"""The addresses of resources, and which of them an event touches.

``homeport://inbox/{instance}``, ``homeport://project/{project}``, ``homeport://task/{task}``,
``homeport://lesson/{number}`` and ``homeport://environment``. Ids are percent-encoded, so that each has one address.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple
from urllib.parse import quote, unquote

from homeport.coordination.events import Event

Kind = Literal["inbox", "project", "task", "lesson", "environment"]
SCHEME: Final = "homeport://"
ENVIRONMENT: Final = f"{SCHEME}environment"
_KINDS: Final = {"inbox": "inbox", "project": "project", "task": "task", "lesson": "lesson"}


class Address(NamedTuple):
    """What a URI names."""

    kind: Kind
    id: str


def address(kind: Kind, name: str) -> str:
    """The URI of a resource. A task's id may be ``project/id``; the slash stays one."""
    return f"{SCHEME}{kind}/{quote(name, safe='/' if kind == 'task' else '')}"


def parsed(uri: str) -> Address | None:
    """What a URI names; None where it is not an address of ours, or not the one way to write it."""
    if uri == ENVIRONMENT:
        return Address("environment", "")
    kind, slash, rest = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME) or not slash or not rest or kind not in _KINDS:
        return None
    found = Address(kind, unquote(rest))  # type: ignore[arg-type]  # it is one of _KINDS
    return found if address(*found) == uri else None


def touched(event: Event) -> tuple[set[str], bool]:
    """The resources that an event has changed, and whether there are others than before."""
    noun, _, verb = event.kind.partition(".")
    uris = {address("inbox", reader) for reader in event.audience}
    if event.kind in ("message.read", "message.archived") and event.actor:
        uris.add(address("inbox", event.actor))
    if noun == "task" and event.subject:
        uris.add(address("task", event.subject))
    if noun in ("task", "project", "member") and event.project_id:
        uris.add(address("project", event.project_id))
    lists = event.kind == "data.imported" or (noun == "project" and verb in ("created", "deleted"))
    return uris, lists
