"""What the earlier server did wrong, fault by fault: its work on instances, tasks, messages and projects.

The quoted sentences are the report's ("What it did wrong").
"""

from __future__ import annotations

import asyncio

import pytest

from homeport.coordination.values import iso
from homeport.errors import CallError, ConflictError, InvalidError, NotFoundError
from tests.support.desk import Desk


async def test_claim_task_checks_nothing(desk: Desk) -> None:
    """ "Ten clients claiming one task: six succeed." Here one does."""
    names = [f"agent-{number}" for number in range(10)]
    await desk.join(*names)
    await desk.call("create_task", id="one", title="One task", description="For one of ten")

    claims = [desk.call("claim_task", id="one", instanceId=name) for name in names]
    answers = await asyncio.gather(*claims, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, ConflictError)]
    assert len(refused) == 9
    assert all("held by" in refusal.sentence for refusal in refused)


async def test_acknowledged_tasks_are_not_stored(desk: Desk) -> None:
    """ "A later version acknowledges all 100 and stores 17." Here all 100 are stored."""
    await desk.call("create_project", id="p", name="P", description="")
    writes = [
        desk.call("create_task", id=f"t{n}", title="T", description="", project_id="p", idempotency_key=f"k{n}")
        for n in range(100)
    ]
    await asyncio.gather(*writes)
    assert (await desk.call("get_tasks", project_id="p", limit=1))["total"] == 100


async def test_update_task_accepts_any_field_and_any_status(desk: Desk) -> None:
    await desk.join("a")
    await desk.call("create_task", id="t", title="T", description="")
    with pytest.raises(InvalidError, match=r"updates\.colour: unknown argument"):
        await desk.call("update_task", id="t", updates={"colour": "red"})
    with pytest.raises(InvalidError, match=r"updates\.status: 'done' is none of 'pending', 'claimed'"):
        await desk.call("update_task", id="t", updates={"status": "done"})
    with pytest.raises(ConflictError, match="cannot go from pending to completed"):
        await desk.call("update_task", id="t", updates={"status": "completed"})
    with pytest.raises(InvalidError, match="becomes claimed by claim_task"):
        await desk.call("update_task", id="t", updates={"status": "claimed"})


async def test_urgent_and_critical_are_silently_lowered(desk: Desk) -> None:
    await desk.join("a")
    await desk.call("send_message", to="a", from_="b", subject="Now", content="!", priority="urgent")
    await desk.call("create_task", id="t", title="T", description="", priority="critical")
    assert (await desk.inbox("a"))[0]["priority"] == "urgent"
    assert (await desk.call("get_task", id="t"))["task"]["priority"] == "critical"
    with pytest.raises(InvalidError, match="priority"):
        await desk.call("send_message", to="a", from_="b", subject="Now", content="!", priority="critical")


@pytest.mark.parametrize("name", ["assignee", "assigned_to"])
async def test_assignee_filters_are_ignored(desk: Desk, name: str) -> None:
    await desk.join("a", "b")
    for task, holder in (("ta", "a"), ("tb", "b")):
        await desk.call("create_task", id=task, title=task, description="")
        await desk.call("claim_task", id=task, instanceId=holder)
    answer = await desk.call("get_tasks", **{name: "b"})
    assert [task["id"] for task in answer["tasks"]] == ["tb"]
    assert answer["total"] == 1


async def test_the_id_given_to_create_project_is_ignored(desk: Desk) -> None:
    answer = await desk.call("create_project", id="my-own", name="Mine", description="")
    assert answer["project"]["id"] == "my-own"
    assert (await desk.call("get_project", id="my-own"))["project"]["name"] == "Mine"
    with pytest.raises(ConflictError, match="'my-own' exists"):
        await desk.call("create_project", id="my-own", name="Again", description="")


async def test_a_broadcast_that_one_instance_read_is_read_for_all(desk: Desk) -> None:
    await desk.join("a", "b", "c")
    sent = await desk.call("send_message", to="all", from_="a", subject="Hello", content="everybody")
    await desk.call("mark_message_read", id=sent["message"]["id"], reader_id="b")
    assert await desk.inbox("b", unread_only=True) == []
    assert [message["subject"] for message in await desk.inbox("c", unread_only=True)] == ["Hello"]


async def test_archive_removes_the_message_before_it_writes_the_archive(desk: Desk) -> None:
    """It is one change in one transaction here; the message is in the inbox or in the archive, never in neither."""
    await desk.join("a", "b")
    sent = await desk.call("send_message", to="a,b", from_="c", subject="Keep", content="me")
    await desk.call("archive_message", id=sent["message"]["id"], archiver_id="a")
    assert await desk.inbox("a") == []
    archived = await desk.call("get_archived_messages", instanceId="a", month=iso(desk.now)[:7])
    assert [message["subject"] for message in archived["messages"]] == ["Keep"]
    assert len(await desk.inbox("b")) == 1


@pytest.mark.parametrize("bad", ["../../x", "..", "a/b", "a\\b", "/etc/passwd", "x\x00y", "a:b"])
async def test_ids_from_outside_write_outside_the_data_directory(desk: Desk, bad: str) -> None:
    """ "`../../x` as a project id or recipient writes outside the data directory." Here it is no id at all."""
    calls = [
        desk.call("create_project", id=bad, name="X", description=""),
        desk.call("create_task", id=bad, title="X", description=""),
        desk.call("register_instance", instanceId=bad, role="r"),
        desk.call("send_message", to=bad, from_="a", subject="X", content="X"),
        desk.call("send_message", to="a", from_=bad, subject="X", content="X"),
        desk.call("submit_lessons", project_id=bad, instance_id="a", lessons=[{"type": "t", "content": "c"}]),
    ]
    for refused in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(refused, CallError)
        assert refused.hint


async def test_a_project_team_message_is_never_delivered_to_its_members(desk: Desk) -> None:
    await desk.join("a", "b", "c")
    await desk.call("create_project", id="p", name="P", description="", members=["a", "b"])
    await desk.call("send_message", to="project-team:p", from_="a", subject="Team", content="hi")
    assert [message["subject"] for message in await desk.inbox("b")] == ["Team"]
    assert await desk.inbox("c") == []
    await desk.call("bootstrap", instanceId="c", role="developer", project="p")
    assert [message["subject"] for message in await desk.inbox("c")] == ["Team"]
    with pytest.raises(NotFoundError, match="no project 'nowhere'"):
        await desk.call("send_message", to="project-team:nowhere", from_="a", subject="Team", content="hi")


async def test_a_role_message_is_delivered_to_nobody(desk: Desk) -> None:
    await desk.join("boss", role="COO")
    await desk.join("worker")
    await desk.call("send_message", to="coo", from_="worker", subject="Role", content="hi")
    assert [message["subject"] for message in await desk.inbox("boss")] == ["Role"]
    await desk.join("next-boss", role="Coo")
    assert [message["subject"] for message in await desk.inbox("next-boss")] == ["Role"]
    assert await desk.inbox("worker") == []


@pytest.mark.parametrize("to", ["all", "ALL", "All"])
async def test_all_in_capitals_becomes_a_private_inbox(desk: Desk, to: str) -> None:
    await desk.join("a", "b")
    await desk.call("send_message", to=to, from_="x", subject="Everybody", content="hi")
    assert len(await desk.inbox("a")) == len(await desk.inbox("b")) == 1


async def test_a_check_of_an_inbox_costs_an_agent_its_context(desk: Desk) -> None:
    """ "A check of a 41-message inbox is 208 KB." Here a thousand long messages cost under 6,000 bytes."""
    await desk.join("a")
    long = "A long report with many details. 🚀 " * 500
    sends = [
        desk.call("send_message", to="a", from_="b", subject=f"Report {n} " + "x" * 300, content=long)
        for n in range(1000)
    ]
    await asyncio.gather(*sends)
    answer = await desk.call("get_messages", instanceId="a")
    assert (answer["total"], answer["unread"]) == (1000, 1000)
    assert 5 <= len(answer["messages"]) <= 20
    assert len(str(answer).encode()) < 6_000
    whole = await desk.call("get_message", id=answer["messages"][0]["id"], instanceId="a")
    assert whole["message"]["body"] == long


async def test_unknown_arguments_are_dropped_in_silence(desk: Desk) -> None:
    with pytest.raises(InvalidError, match=r"prio: unknown argument \(Did you mean priority\?\)"):
        await desk.call("create_task", id="t", title="T", description="", prio="high")
