"""The fast path and the SDK give one answer: a client cannot tell which of the two it was."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.site import LEGACY, MODERN, Served, served

CALLS: list[tuple[str, dict[str, Any]]] = [
    ("get_server_status", {}),
    (
        "register_instance",
        {"instanceId": "ada", "role": "dev", "capabilities": ["x"], "metadata": {"nested": {"a": 1}}},
    ),
    ("bootstrap", {"instanceId": "ada", "role": "dev"}),
    ("create_project", {"id": "p", "name": "P “quoted” 🛳", "description": "two\nlines"}),
    ("get_projects", {}),
    ("get_task", {"id": "none"}),
    ("get_task", {"id": 7}),
    ("no_such_tool", {}),
    ("broken", {}),
]


@pytest.mark.parametrize(
    ("name", "arguments"), CALLS, ids=[f"{number}-{name}" for number, (name, _) in enumerate(CALLS)]
)
@pytest.mark.parametrize("version", [MODERN, *LEGACY])
async def test_the_fast_path_and_the_sdk_answer_alike(version: str, name: str, arguments: dict[str, Any]) -> None:
    # Each has a site of its own, since some of the calls write.
    async with served() as one, served() as other:
        fast = await one.call(version, name, arguments)
        slow = await other.call(version, name, arguments, through_sdk=True)
        if name == "broken":
            fast["error"].pop("message")
            slow["error"].pop("message")
        assert fast == slow
        assert _took_the_sdk(one) == (name == "no_such_tool")
        assert _took_the_sdk(other)


def _took_the_sdk(site: Served) -> bool:
    return site.site.official._ready is not None
