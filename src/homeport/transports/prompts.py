"""Prompts that people choose in their client: joining the team in a role, and handing work over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from homeport.coordination.store import Records
from homeport.coordination.values import JsonObject
from homeport.errors import ForbiddenError, InvalidError, NotFoundError
from homeport.operations.caller import Caller
from homeport.operations.dispatcher import Dispatcher

COMPLETED: Final = 100
"""At most so many values are offered for one argument."""
_SHOWN_TASKS: Final = 20
_LONGEST: Final = 200

PROMPTS: Final[tuple[JsonObject, ...]] = (
    {
        "name": "bootstrap",
        "title": "Join the team in a role",
        "description": "Begin a session: who you are, what waits for you, what to do next.",
        "arguments": [
            {"name": "role", "description": "what you do here, such as COO or developer", "required": True},
            {"name": "instance_id", "description": "your id from before, to be the same again", "required": False},
            {"name": "project", "description": "id of a project to join", "required": False},
        ],
    },
    {
        "name": "hand_over",
        "title": "Hand work over",
        "description": "End a session so that others can go on: tasks, what is unread, what was learned.",
        "arguments": [
            {"name": "instance_id", "description": "who hands over", "required": True},
            {"name": "to", "description": "who takes over: an instance, a role or a project's team", "required": False},
        ],
    },
)
_KNOWN: Final = {str(one["name"]): one for one in PROMPTS}


class Prompts:
    """Writes prompts, and offers values for the arguments of prompts and resource templates.

    Args:
        dispatcher: runs the operations that know what to write.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def get(self, name: str, given: Mapping[str, str], caller: Caller) -> dict[str, Any]:
        """A prompt with its arguments.

        Raises:
            CallError: there is no such prompt, an argument is missing or unknown, or the caller may not.
        """
        prompt = _KNOWN.get(name)
        if prompt is None:
            raise NotFoundError(f"name: there is no prompt {name[:_LONGEST]!r}.", f"There are {', '.join(_KNOWN)}.")
        arguments = _checked(prompt, given, caller)
        text = await (self._hand_over(arguments, caller) if name == "hand_over" else self._bootstrap(arguments, caller))
        message = {"role": "user", "content": {"type": "text", "text": text}}
        return {"description": prompt["description"], "messages": [message]}

    async def complete(self, argument: str, value: str, caller: Caller) -> dict[str, Any]:
        """Values that an argument may have and that begin as it does."""
        if not caller.may("read"):
            return {"values": [], "total": 0, "hasMore": False}

        def names(records: Records) -> list[str]:
            match argument:
                case "role":
                    return [role.name for role in records.roles.all()]
                case "project":
                    return records.projects.ids()
                case "instance_id" | "instance":
                    return records.instances.ids() if caller.instance_id is None else [caller.instance_id]
                case "to":
                    return [*(role.name for role in records.roles.all()), *records.instances.ids(), "all"]
                case _:
                    return []

        begun = value.casefold()
        known = await self._dispatcher.store.read(names)
        found = [name for name in known if name.casefold().startswith(begun)]
        return {"values": found[:COMPLETED], "total": len(found), "hasMore": len(found) > COMPLETED}

    async def _bootstrap(self, given: Mapping[str, str], caller: Caller) -> str:
        said = {"role": given["role"], "instanceId": given.get("instance_id"), "project": given.get("project")}
        call = ", ".join(f"{name} {value!r}" for name, value in said.items() if value)
        lines = [
            f"You join the team of environment {self._dispatcher.place.environment} as {given['role']}.",
            f"Call bootstrap with {call}. Keep the id that it gives you: it is you, in this session and the next.",
            "Then do what its next_actions say, most pressing first, and tell the others what you begin and finish.",
        ]
        documents = await self._documents(given["role"], caller)
        if documents:
            names = ", ".join(documents)
            lines.append(f"Your role has documents ({names}): read them with get_role_document before you begin.")
        return "\n".join(lines)

    async def _documents(self, role: str, caller: Caller) -> list[str]:
        try:
            answer = await self._dispatcher.call("get_role_documents", {"role_name": role}, caller)
        except NotFoundError:
            return []
        return list(answer["documents"])

    async def _hand_over(self, given: Mapping[str, str], caller: Caller) -> str:
        instance_id = given["instance_id"]
        answer = await self._dispatcher.call("get_instance", {"instanceId": instance_id}, caller)
        counts = await self._dispatcher.call("get_message_stats", {"instance_id": instance_id}, caller)
        held = answer.get("holds", [])
        to = given.get("to")
        lines = [f"{instance_id} ends its session and hands over{f' to {to}' if to else ''}."]
        if held:
            lines.append("These tasks are held and need a word each:")
            lines += [f"- {task['id']} ({task['status']}): {task['title']}" for task in held[:_SHOWN_TASKS]]
            lines.append(
                "For each call update_task: write into its description how far it is, what is left and what stands"
                " in the way, and set its status to pending so that others can claim it."
            )
        else:
            lines.append("No task is held.")
        lines += [
            f"{counts['unread']} messages are unread: answer what is urgent, pass on what is for others.",
            f"Then send_message to {to or 'who goes on with the work'}: what was done, what is next, what to watch.",
            "Last, submit_lessons with what should not have to be learned again.",
        ]
        return "\n".join(lines)


def _checked(prompt: JsonObject, given: Mapping[str, str], caller: Caller) -> dict[str, str]:
    """The arguments of a prompt; who speaks as one instance need not say which.

    Raises:
        InvalidError: one is missing, unknown or too long.
        ForbiddenError: it is another's id.
    """
    names = {one["name"]: one["required"] for one in prompt["arguments"]}
    said = {name: value for name, value in given.items() if value}
    if caller.instance_id is not None and said.setdefault("instance_id", caller.instance_id) != caller.instance_id:
        raise ForbiddenError(f"instance_id: this token speaks as {caller.instance_id}.", "Leave instance_id out.")
    wrong = [f"{name}: it is missing" for name, required in names.items() if required and name not in said]
    wrong += [f"{name}: unknown argument" for name in said if name not in names]
    wrong += [f"{name}: over {_LONGEST} characters" for name, value in said.items() if len(value) > _LONGEST]
    if wrong:
        raise InvalidError(f"{'; '.join(wrong)}.", f"{prompt['name']} takes {', '.join(names)}.")
    return said
