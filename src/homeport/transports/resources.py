"""What can be read and watched: inboxes, projects, tasks, lessons, the environment, as operations show them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from homeport.coordination.values import JsonObject
from homeport.errors import ForbiddenError, InvalidError, NotFoundError
from homeport.operations.caller import Caller
from homeport.operations.dispatcher import Dispatcher
from homeport.transports.uris import ENVIRONMENT, SCHEME, Address, address, parsed

_JSON: Final = "application/json"


class _Source(NamedTuple):
    """Which operation shows a kind of resource."""

    operation: str
    argument: str | None


_SOURCES: Final = {
    "inbox": _Source("get_messages", "instanceId"),
    "project": _Source("get_project", "id"),
    "task": _Source("get_task", "id"),
    "lesson": _Source("get_lesson", "number"),
    "environment": _Source("get_server_status", None),
}
TEMPLATES: Final[tuple[JsonObject, ...]] = (
    {
        "uriTemplate": f"{SCHEME}inbox/{{instance}}",
        "name": "inbox",
        "title": "Inbox",
        "description": "The newest messages of an instance, and how many are unread. Changes when one comes.",
        "mimeType": _JSON,
    },
    {
        "uriTemplate": f"{SCHEME}project/{{project}}",
        "name": "project",
        "title": "Project",
        "description": "A project: members, and how many tasks are in which status.",
        "mimeType": _JSON,
    },
    {
        "uriTemplate": f"{SCHEME}task/{{+task}}",
        "name": "task",
        "title": "Task",
        "description": "A task: PROJECT/ID, or ID alone where it has no project.",
        "mimeType": _JSON,
    },
    {
        "uriTemplate": f"{SCHEME}lesson/{{number}}",
        "name": "lesson",
        "title": "Lesson",
        "description": "A lesson, by its number.",
        "mimeType": _JSON,
    },
)


class Resources:
    """Reads resources in a caller's name.

    Args:
        dispatcher: runs the operations that show them.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def page(self, cursor: str | None, caller: Caller) -> dict[str, Any]:
        """A page of the list: the environment and the caller's own inbox, then the projects.

        Raises:
            CallError: it is no cursor of this list, or the caller may not read.
        """
        given = {} if cursor is None else {"cursor": cursor}
        answer = await self._dispatcher.call("get_projects", given, caller)
        found = [] if cursor is not None else self._first(caller)
        for project in answer["projects"]:
            uri = address("project", project["id"])
            found.append({"uri": uri, "name": project["id"], "title": project["name"], "mimeType": _JSON})
        more = answer.get("next_cursor")
        return {"resources": found, **({} if more is None else {"nextCursor": more})}

    async def read(self, uri: str, caller: Caller) -> dict[str, Any]:
        """The content of a resource.

        Raises:
            CallError: there is none of that address, or the caller may not read it.
        """
        found = self._address(uri)
        source = _SOURCES[found.kind]
        given: dict[str, Any] = {}
        if source.argument is not None:
            given = {source.argument: int(found.id) if found.kind == "lesson" else found.id}
        answer = await self._dispatcher.call(source.operation, given, caller)
        return {"uri": uri, "mimeType": _JSON, "text": orjson.dumps(answer).decode()}

    def check_watchable(self, uri: str, caller: Caller) -> None:
        """Refuses what a caller may not be told of. What does not exist yet may be watched: it may come.

        Raises:
            NotFoundError: it is no address.
            ForbiddenError: it is another's inbox.
        """
        found = self._address(uri)
        if found.kind == "inbox" and caller.instance_id not in (None, found.id):
            raise ForbiddenError(
                f"uri: this token speaks as {caller.instance_id}, not as {found.id}.",
                f"Watch {address('inbox', caller.instance_id or '')}.",
            )

    def _address(self, uri: str) -> Address:
        found = parsed(uri)
        if found is None or (found.kind == "lesson" and not (found.id.isascii() and found.id.isdigit())):
            shapes = ", ".join([ENVIRONMENT, *(str(one["uriTemplate"]) for one in TEMPLATES)])
            raise NotFoundError(f"uri: there is no resource {uri[:200]!r}.", f"Resources are {shapes}.")
        if len(found.id) > _LONGEST:
            raise InvalidError("uri: it is too long for any resource.")
        return found

    def _first(self, caller: Caller) -> list[dict[str, Any]]:
        found = [{"uri": ENVIRONMENT, "name": "environment", "title": "This environment", "mimeType": _JSON}]
        if caller.instance_id is not None:
            uri = address("inbox", caller.instance_id)
            found.append({"uri": uri, "name": "inbox", "title": "Your inbox", "mimeType": _JSON})
        return found


_LONGEST: Final = 1_000
