"""A whole day of two agents, and the next morning. Told once, for every client and every transport.

Each step leaves what the next one needs in the :class:`Day`; each says what it expects as an agent would see it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
from jsonschema import Draft202012Validator

from tests.interop.client import Agent

LIST_BYTES: Final = 16_000
"""What the list of tools may cost every agent, in every session."""
GLANCE_BYTES: Final = 6_000
"""What a look at something may cost: well under 2,000 tokens."""
LONG: Final = "The tide tables of the whole year, read aloud, with every footnote. 🌊\n" * 40
NEWCOMER: Final = "dora"


@dataclass
class Day:
    """Two agents, each with a client of its own, and what the day has brought so far."""

    ada: Agent
    bob: Agent
    fences: dict[str, int] = field(default_factory=dict)
    hello: dict[str, Any] = field(default_factory=dict)
    """The first message of the day, as it was answered to its sender."""
    cursor: str = ""
    """How far Bob has heard."""
    unread: int = 0
    """What waits for Bob in the evening."""
    sessions: int = 0
    """How often Bob has come so far."""


def size(value: object) -> int:
    """Bytes of compact JSON."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


async def until_the_evening(day: Day) -> None:
    """Everything that happens before the server goes down."""
    for agent in (day.ada, day.bob):
        await tools_can_be_used(agent)
    await they_arrive(day)
    await they_plan(day)
    await they_work(day)
    await they_learn(day)
    await they_talk(day)
    await each_reads_for_itself(day)
    await a_full_inbox_is_a_glance(day)
    await they_find_things_again(day)
    await a_repeated_call_is_done_once(day)
    await refusals_say_what_would_be_right(day)
    await the_evening(day)


async def tools_can_be_used(agent: Agent) -> None:
    """Every schema is valid, every tool is described, and the list is small."""
    tools = await agent.client.tools()
    assert size(tools) < LIST_BYTES
    names = [tool["name"] for tool in tools]
    assert names[0] == "bootstrap"
    assert len(set(names)) == len(names)
    for tool in tools:
        assert 10 < len(tool["description"]) < 300, tool["name"]
        for schema in (tool["inputSchema"], tool.get("outputSchema", {"type": "object"})):
            Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
        said = json.dumps(tool["inputSchema"])
        assert not any(word in said for word in ("$ref", "$defs", '"null"')), "some clients refuse the whole list"


async def they_arrive(day: Day) -> None:
    """One by bootstrap, one by registering; both join a project and see each other."""
    me = await day.ada.call("bootstrap", role="Developer", instanceId="ada")
    assert (me["identity"]["id"], me["identity"]["is_new"]) == ("ada", True)
    assert me["environment"] == "development"
    assert (await day.bob.call("register_instance", instanceId="bob", role="Tester"))["is_new"] is True
    text = "A harbour with a breakwater, and a light at its end."
    await day.ada.call("create_project", id="harbour", name="Harbour", description=text, tags=["water"])
    await day.ada.call("bootstrap", role="Developer", instanceId="ada", project="harbour")
    joined = await day.bob.call("bootstrap", role="Tester", instanceId="bob", project="harbour")
    assert joined["project"]["members"] == ["ada", "bob"]
    assert joined["team"] == [{"id": "ada", "role": "Developer", "status": "active"}]
    assert size(joined) < GLANCE_BYTES
    day.sessions = joined["identity"]["sessions"]


async def they_plan(day: Day) -> None:
    """Tasks of all kinds: free, waiting for another, for one role."""
    create = {"project_id": "harbour", "description": "As drawn."}
    await day.ada.call("create_task", id="survey", title="Survey the sea bed", priority="high", **create)
    first = {"dependencies": ["survey"], "priority": "critical"}
    await day.ada.call("create_task", id="breakwater", title="Build the breakwater", **first, **create)
    await day.bob.call("create_task", id="test-light", title="Test the light", role="tester", priority="low", **create)
    listed = await day.bob.call("get_tasks", project_id="harbour")
    assert [task["id"] for task in listed["tasks"]] == ["breakwater", "survey", "test-light"]
    assert listed["total"] == 3
    assert (await day.ada.call("get_task", id="harbour/breakwater"))["waits_for"] == ["harbour/survey"]


async def they_work(day: Day) -> None:
    """Each takes the best it may take; a task has one holder; what waited becomes free."""
    survey = (await day.ada.call("claim_next_task", instanceId="ada"))["task"]
    assert (survey["id"], survey["assigned_to"], survey["status"]) == ("survey", "ada", "claimed")
    assert "held by ada" in await day.bob.refused("claim_task", id="survey", instanceId="bob")
    assert "waits for harbour/survey" in await day.bob.refused("claim_task", id="breakwater", instanceId="bob")
    light = (await day.bob.call("claim_next_task", instanceId="bob"))["task"]
    assert light["id"] == "test-light"

    begun = {"id": "survey", "instanceId": "ada", "fence": survey["fence"]}
    await day.ada.call("update_task", updates={"status": "in_progress"}, **begun)
    stolen = {"updates": {"status": "completed"}, "instanceId": "bob"}
    assert "held by ada, not by bob" in await day.bob.refused("update_task", id="survey", **stolen)
    late = {**begun, "fence": survey["fence"] + 1}
    assert "fence" in await day.ada.refused("update_task", updates={"status": "completed"}, **late)
    done = {"status": "completed", "completion_notes": "Sand to 9 m, rock below."}
    assert (await day.ada.call("update_task", updates=done, **begun))["task"]["status"] == "completed"
    day.fences["test-light"] = light["fence"]


async def they_learn(day: Day) -> None:
    """What one has learned comes to the other with the task that it helps with."""
    lessons = [
        {"type": "pattern", "content": "Build a breakwater from the shore outwards.", "confidence": 0.9},
        {"type": "anti_pattern", "content": "A light needs a second lamp. 💡", "authors_own": {"kept": True}},
    ]
    stored = await day.ada.call("submit_lessons", project_id="harbour", instance_id="ada", lessons=lessons)
    assert stored["lessons_stored"] == 2
    light = {"id": "test-light", "instanceId": "bob", "fence": day.fences["test-light"]}
    await day.bob.call("update_task", updates={"status": "completed"}, **light)
    offered = await day.bob.call("claim_next_task", instanceId="bob")
    assert offered["task"]["id"] == "breakwater"
    assert "from the shore outwards" in offered["lessons"][0]["content"]
    day.fences["breakwater"] = offered["task"]["fence"]
    nothing = await day.ada.call("claim_next_task", instanceId="ada")
    assert nothing["task"] is None
    assert nothing["why"]
    found = await day.bob.call("get_lessons", project_id="harbour", lesson_types=["anti_pattern"])
    assert [lesson["type"] for lesson in found["lessons"]] == ["anti_pattern"]


async def they_talk(day: Day) -> None:
    """A message reaches one who waits; the answer keeps the thread."""
    started = await day.bob.call("wait_for_messages", instanceId="bob", timeout_seconds=0)
    assert started["messages"] == []
    heard: list[dict[str, Any]] = []

    async def wait() -> None:
        wanted = {"instanceId": "bob", "cursor": started["cursor"], "timeout_seconds": 30}
        heard.append(await day.bob.call("wait_for_messages", **wanted))

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        # A client that waits can do something else meanwhile.
        assert (await day.bob.call("get_server_status"))["environment"] == "development"
        assert not heard
        what = {"subject": "Survey is done", "content": "Sand to 9 m.", "idempotency_key": "hello"}
        day.hello = await day.ada.call("send_message", to="bob", from_="ada", **what)
    assert day.hello["delivered"] == 1
    (told,) = heard[0]["messages"]
    assert (told["subject"], told["from"], told["unread"]) == ("Survey is done", "ada", True)

    answer = {"subject": "Re: Survey is done", "content": "Thanks!", "reply_to": told["id"]}
    await day.bob.call("send_message", to="ada", from_="bob", **answer)
    inbox = await day.ada.call("get_messages", instanceId="ada")
    assert [message["thread_id"] for message in inbox["messages"]] == [told["id"]]
    assert inbox["messages"][0]["body"] == "Thanks!"


async def each_reads_for_itself(day: Day) -> None:
    """A role, a team, all, and somebody who comes later: each gets each message once, and reads it for itself."""
    await day.ada.call("register_instance", instanceId="cleo", role="tester")
    for to in ("tester", "project-team:harbour", "all", f"{NEWCOMER}, all"):
        await day.ada.call("send_message", to=to, from_="ada", subject=f"To {to}", content="Storm tomorrow.")
    await day.ada.call("register_instance", instanceId=NEWCOMER, role="cook")

    expected = {
        "bob": ["To dora, all", "To all", "To project-team:harbour", "To tester", "Survey is done"],
        "cleo": ["To dora, all", "To all", "To tester"],
        NEWCOMER: ["To dora, all", "To all"],
        "ada": ["Re: Survey is done"],
    }
    for reader, subjects in expected.items():
        inbox = await day.bob.call("get_messages", instanceId=reader)
        assert [message["subject"] for message in inbox["messages"]] == subjects, reader
        assert inbox["unread"] == len(subjects), reader

    to_all = (await day.bob.call("get_messages", instanceId="bob"))["messages"][1]["id"]
    await day.bob.call("mark_message_read", id=to_all, reader_id="bob")
    for reader, unread in (("bob", False), ("cleo", True), (NEWCOMER, True)):
        message = (await day.bob.call("get_message", id=to_all, instanceId=reader))["message"]
        assert (message["body"], message["unread"]) == ("Storm tomorrow.", unread), reader
    left = await day.bob.call("get_messages", instanceId="bob", unread_only=True)
    assert to_all not in [message["id"] for message in left["messages"]]
    await day.bob.call("archive_message", id=to_all, archiver_id="bob")
    assert (await day.bob.call("get_messages", instanceId="bob"))["total"] == 4
    assert (await day.bob.call("get_messages", instanceId="cleo"))["total"] == 3


async def a_full_inbox_is_a_glance(day: Day) -> None:
    """Long messages are previews, page by page; the whole text is a call away, exactly as it was sent."""
    for number in range(20):
        await day.bob.call("send_message", to="ada", from_="bob", subject=f"Tides {number}", content=LONG)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    last: dict[str, Any] = {}
    while cursor or not seen:
        inbox = await day.ada.call("get_messages", instanceId="ada", **cursor)
        assert size(inbox) < GLANCE_BYTES
        seen += [message["subject"] for message in inbox["messages"]]
        last = last or inbox["messages"][0]
        cursor = {"cursor": inbox["next_cursor"]} if "next_cursor" in inbox else {}
    assert seen == [*(f"Tides {number}" for number in reversed(range(20))), "Re: Survey is done"]
    assert last["truncated"] is True
    assert (await day.ada.call("get_message", id=last["id"]))["message"]["body"] == LONG


async def they_find_things_again(day: Day) -> None:
    """The same words find messages, tasks, lessons and projects."""
    for words, kind, found in (
        ("sea bed", "task", "Survey the sea bed"),
        ("storm", "message", "To dora, all"),
        ("breakwater light", "project", "Harbour"),
    ):
        results = (await day.bob.call("search", query=words))["results"]
        assert (kind, found) in [(one["kind"], one["title"]) for one in results], words
    (lesson,) = (await day.bob.call("search", query="shore outwards", kinds=["lesson"]))["results"]
    whole = (await day.bob.call("get_lesson", number=lesson["number"]))["lesson"]
    assert whole["content"] == "Build a breakwater from the shore outwards."


async def a_repeated_call_is_done_once(day: Day) -> None:
    """The network lost an answer: the same call with the same key gets it again, whichever client repeats it."""
    what = {"subject": "Survey is done", "content": "Sand to 9 m.", "idempotency_key": "hello"}
    before = (await day.bob.call("get_messages", instanceId="bob"))["total"]
    assert await day.bob.call("send_message", to="bob", from_="ada", **what) == day.hello
    assert (await day.bob.call("get_messages", instanceId="bob"))["total"] == before
    another = await day.ada.refused("send_message", to="bob", from_="ada", **{**what, "content": "Rock."})
    assert "idempotency_key" in another


REFUSED: Final[list[tuple[str, dict[str, Any], tuple[str, ...]]]] = [
    ("create_task", {"id": "x", "title": "X"}, ("description: it is missing", "title*")),
    (
        "create_task",
        {"id": "x", "title": "X", "description": "", "priority": "urgent"},
        ("priority: 'urgent'", "'critical'"),
    ),
    ("update_task", {"id": "survey", "status": "pending"}, ("updates: it is missing", "status: unknown argument")),
    ("update_task", {"id": "survey", "updates": {"state": "done"}}, ("updates.state: unknown", "updates takes")),
    ("get_task", {"id": "harbour/servey"}, ("no task 'servey' in project 'harbour'", "get_tasks")),
    ("claim_task", {"id": "survey", "instanceId": "ade"}, ("no instance 'ade'", "Did you mean ada?")),
    ("send_message", {"to": "project-team:harbor", "from": "ada", "subject": "", "content": "x"}, ("harbour?",)),
    ("get_messages", {"instance": "bob"}, ("instance: unknown argument", "instanceId")),
    ("get_messages", {"instanceId": "bob", "limit": "5"}, ("limit:", "integer")),
    ("get_messages", {"instanceId": "bob", "cursor": "abc"}, ("cursor:", "next_cursor")),
    (
        "submit_lessons",
        {"project_id": "harbour", "instance_id": "ada", "lessons": ["a"]},
        ("lessons[0]: ", "object", "content*"),
    ),
    ("create_project", {"id": "../../x", "name": "X", "description": ""}, ("id: ",)),
]
"""What goes wrong in an agent's day, and what the refusal must name for it to do better."""


async def refusals_say_what_would_be_right(day: Day) -> None:
    """Every text fits into a line or two, and nothing of the server's inside is in it."""
    for name, arguments, words in REFUSED:
        reply = await day.ada.client.call(name, arguments)
        assert reply.refusal is not None, (name, arguments, reply.answer)
        assert [word for word in words if word not in reply.refusal] == [], reply.refusal
        assert len(reply.refusal) < 400, reply.refusal
        inside = ("Traceback", "pydantic", "instance of", "dictionary", "Internal error")
        assert [word for word in inside if word in reply.refusal] == [], reply.refusal


async def the_evening(day: Day) -> None:
    """What the next morning is compared with."""
    heard = await day.bob.call("wait_for_messages", instanceId="bob", timeout_seconds=0)
    day.cursor = heard["cursor"]
    day.unread = (await day.bob.call("update_heartbeat", instanceId="bob", status="asleep"))["unread"]
    assert day.unread == 4


async def the_next_morning(day: Day) -> None:
    """The server was replaced overnight: who comes back is who left, with everything that was theirs."""
    await day.ada.call("send_message", to="bob", from_="ada", subject="Good morning", content="Calm again.")
    missed = await day.bob.call("wait_for_messages", instanceId="bob", cursor=day.cursor, timeout_seconds=30)
    assert [message["subject"] for message in missed["messages"]] == ["Good morning"]

    me = await day.bob.call("bootstrap", role="Tester", instanceId="bob")
    assert (me["identity"]["is_new"], me["identity"]["sessions"]) == (False, day.sessions + 1)
    assert me["identity"]["projects"] == ["harbour"]
    assert [task["id"] for task in me["tasks"]["yours"]] == ["breakwater"]
    assert me["messages"]["unread"] == day.unread + 1
    assert "harbour/breakwater" in me["next_actions"][0]
    assert size(me) < GLANCE_BYTES

    held = {"id": "breakwater", "instanceId": "bob", "fence": day.fences["breakwater"]}
    assert (await day.bob.call("update_task", updates={"status": "completed"}, **held))["task"]["status"] == "completed"
    project = (await day.ada.call("get_project", id="harbour"))["project"]
    assert project["tasks"] == {"completed": 3}
    what = {"subject": "Survey is done", "content": "Sand to 9 m.", "idempotency_key": "hello"}
    assert await day.ada.call("send_message", to="bob", from_="ada", **what) == day.hello
