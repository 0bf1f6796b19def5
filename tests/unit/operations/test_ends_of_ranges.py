"""What happens at the ends: numbers no store can count, hundreds of readers, things that are gone."""

from __future__ import annotations

from typing import Any

import pytest

from homeport.errors import ConflictError, InvalidError, NotFoundError
from tests.support.desk import Desk


@pytest.mark.parametrize("value", [2**70, -(2**70), "half of a pair: \ud800"])
async def test_metadata_that_json_cannot_carry_is_refused(desk: Desk, value: Any) -> None:
    with pytest.raises(InvalidError, match="metadata: it cannot be stored as JSON"):
        await desk.call("register_instance", instanceId="a", role="r", metadata={"deep": [value]})
    assert (await desk.call("get_instances"))["instances"] == []


@pytest.mark.parametrize("value", [2**70, "half of a pair: \ud800"])
async def test_what_an_author_adds_to_a_lesson_is_looked_at_too(desk: Desk, value: Any) -> None:
    await desk.call("create_project", id="p", name="P", description="")
    lesson = {"type": "t", "content": "c", "own": value}
    with pytest.raises(InvalidError):
        await desk.call("submit_lessons", project_id="p", instance_id="a", lessons=[lesson])
    with pytest.raises(InvalidError):
        await desk.call("submit_lessons", project_id="p", instance_id="a", lessons=[lesson | {"own": "x" * 70_000}])
    assert (await desk.call("get_lessons"))["total_found"] == 0


@pytest.mark.parametrize("number", [2**63 - 1, 2**63, 2**64, 2**200])
async def test_a_number_beyond_all_lessons_finds_none(desk: Desk, number: int) -> None:
    with pytest.raises((NotFoundError, InvalidError)):
        await desk.call("get_lesson", number=number)


async def test_a_fence_of_any_size_is_compared(desk: Desk) -> None:
    await desk.join("a")
    await desk.call("create_task", id="t", title="T", description="")
    await desk.call("claim_task", id="t", instanceId="a")
    with pytest.raises(ConflictError, match="was never given"):
        await desk.call("update_task", id="t", updates={"title": "New"}, instanceId="a", fence=2**80)


async def test_a_broadcast_to_hundreds_is_counted_and_archived_for_all(desk: Desk) -> None:
    names = [f"agent-{number:04}" for number in range(130)]
    await desk.join(*names)
    sent = (await desk.call("send_message", to="all", from_="x", subject="S", content="c"))["message"]["id"]
    assert (await desk.call("get_message", id=sent))["message"]["delivered_to"] == 130
    await desk.call("delete_message", id=sent)
    for name in (names[0], names[-1]):
        assert await desk.inbox(name) == []
    stats = await desk.call("get_message_stats", instance_id=names[-1])
    assert (stats["total"], stats["archived"]) == (0, 1)


@pytest.mark.slow
async def test_a_broadcast_to_more_than_a_thousand_is_archived_for_all_of_them(desk: Desk) -> None:
    names = [f"agent-{number:04}" for number in range(1005)]
    await desk.join(*names)
    sent = (await desk.call("send_message", to="all", from_="x", subject="S", content="c"))["message"]["id"]
    await desk.call("delete_message", id=sent)
    assert await desk.inbox(names[-1]) == []


async def test_a_task_outlives_the_project_that_it_depended_on(desk: Desk) -> None:
    await desk.join("a")
    await desk.call("create_project", id="gone", name="G", description="")
    await desk.call("create_task", id="first", title="F", description="", project_id="gone")
    await desk.call("create_task", id="t", title="T", description="", dependencies=["gone/first"])
    await desk.call("delete_project", id="gone", hard_delete=True)
    await desk.call("update_task", id="t", updates={"title": "Still here"})
    claimed = (await desk.call("claim_task", id="t", instanceId="a"))["task"]
    done = await desk.call("update_task", id="t", updates={"status": "completed"}, fence=claimed["fence"])
    assert done["task"]["status"] == "completed"
    with pytest.raises(NotFoundError, match="no task 'gone/first'"):
        await desk.call("update_task", id="t", updates={"dependencies": ["gone/first", "gone/second"]})


async def test_blocking_an_assigned_task_gives_its_new_holder_a_new_fence(desk: Desk) -> None:
    await desk.join("a")
    await desk.call("create_task", id="t", title="T", description="", assigned_to="a")
    before = (await desk.call("get_task", id="t"))["task"].get("fence", 0)
    blocked = (await desk.call("update_task", id="t", updates={"status": "blocked"}))["task"]
    assert blocked["fence"] == before + 1
    desk.later(16)
    await desk.call("claim_next_task", instanceId="a")
    freed = (await desk.call("get_task", id="t"))["task"]
    assert (freed["status"], freed["assigned_to"]) == ("blocked", None)


async def test_a_completed_task_has_no_holder_to_change(desk: Desk) -> None:
    await desk.join("a", "b")
    await desk.call("create_task", id="t", title="T", description="")
    await desk.call("claim_task", id="t", instanceId="a")
    await desk.call("update_task", id="t", updates={"status": "completed"}, instanceId="a")
    for holder in ("b", None):
        with pytest.raises(ConflictError, match="is completed: it has no holder"):
            await desk.call("update_task", id="t", updates={"assigned_to": holder})
