"""Who holds a task, for how long, and what is the next one to take."""

from __future__ import annotations

import pytest

from homeport.errors import ConflictError, InvalidError, NotFoundError
from tests.support.desk import Desk


async def _task(desk: Desk, task_id: str, **fields: object) -> None:
    await desk.call("create_task", id=task_id, title=f"Task {task_id}", description="", **fields)


async def test_a_lease_that_nobody_renews_returns_the_task_to_everybody(desk: Desk) -> None:
    await desk.join("a", "b")
    await _task(desk, "t")
    await desk.call("claim_task", id="t", instanceId="a")
    desk.later(14)
    with pytest.raises(ConflictError, match="held by a until 2025-12-05T00:15:00"):
        await desk.call("claim_task", id="t", instanceId="b")
    desk.later(2)
    taken = await desk.call("claim_task", id="t", instanceId="b")
    assert taken["task"]["assigned_to"] == "b"


async def test_a_heartbeat_renews_the_lease(desk: Desk) -> None:
    await desk.join("a", "b")
    await _task(desk, "t")
    await desk.call("claim_task", id="t", instanceId="a")
    desk.later(10)
    await desk.call("update_heartbeat", instanceId="a")
    desk.later(10)
    with pytest.raises(ConflictError, match="held by a"):
        await desk.call("claim_task", id="t", instanceId="b")


async def test_reading_the_inbox_is_a_sign_of_life_that_renews_leases(desk: Desk) -> None:
    await desk.join("a", "b")
    await _task(desk, "t")
    await desk.call("claim_task", id="t", instanceId="a")
    desk.later(10)
    await desk.inbox("a")
    desk.later(10)
    with pytest.raises(ConflictError, match="held by a"):
        await desk.call("claim_task", id="t", instanceId="b")


async def test_a_late_writer_with_an_old_fence_is_refused(desk: Desk) -> None:
    await desk.join("a", "b")
    await _task(desk, "t")
    old = (await desk.call("claim_task", id="t", instanceId="a"))["task"]["fence"]
    desk.later(16)
    new = (await desk.call("claim_task", id="t", instanceId="b"))["task"]["fence"]
    assert new > old
    with pytest.raises(ConflictError, match=f"fence {new + 1} was never given"):
        await desk.call("update_task", id="t", updates={"status": "completed"}, fence=new + 1)
    with pytest.raises(ConflictError, match=f"fence {old} is old"):
        await desk.call("update_task", id="t", updates={"status": "completed"}, fence=old)
    done = await desk.call("update_task", id="t", updates={"status": "completed"}, fence=new, instanceId="b")
    assert done["task"]["status"] == "completed"


async def test_a_late_writer_that_only_says_who_it_is_is_refused_too(desk: Desk) -> None:
    await desk.join("a")
    await _task(desk, "t")
    await desk.call("claim_task", id="t", instanceId="a")
    desk.later(16)
    with pytest.raises(ConflictError, match="cannot go from pending to completed"):
        await desk.call("update_task", id="t", updates={"status": "completed"}, instanceId="a")


async def test_another_instance_cannot_complete_what_one_holds(desk: Desk) -> None:
    await desk.join("a", "b")
    await _task(desk, "t")
    await desk.call("claim_task", id="t", instanceId="a")
    with pytest.raises(ConflictError, match="held by a, not by b"):
        await desk.call("update_task", id="t", updates={"status": "completed"}, instanceId="b")
    edited = await desk.call("update_task", id="t", updates={"title": "Better said"}, instanceId="b")
    assert edited["task"]["title"] == "Better said"


async def test_an_old_client_that_names_nobody_can_still_finish_its_task(desk: Desk) -> None:
    await desk.join("a")
    await _task(desk, "t")
    await desk.call("claim_task", id="t", instanceId="a")
    await desk.call("update_task", id="t", updates={"status": "in_progress"})
    done = await desk.call("update_task", id="t", updates={"status": "completed", "completion_notes": "Done"})
    assert (done["task"]["status"], done["task"]["completion_notes"]) == ("completed", "Done")


async def test_claiming_what_one_holds_answers_the_same_and_renews(desk: Desk) -> None:
    await desk.join("a")
    await _task(desk, "t")
    first = (await desk.call("claim_task", id="t", instanceId="a"))["task"]
    desk.later(5)
    again = (await desk.call("claim_task", id="t", instanceId="a"))["task"]
    assert again["fence"] == first["fence"]
    assert again["lease_expires_at"] > first["lease_expires_at"]


async def test_releasing_and_signing_off_return_tasks_at_once(desk: Desk) -> None:
    await desk.join("a", "b")
    for name in ("t1", "t2"):
        await _task(desk, name)
        await desk.call("claim_task", id=name, instanceId="a")
    released = await desk.call("update_task", id="t1", updates={"assigned_to": None}, instanceId="a")
    assert (released["task"]["status"], released["task"]["assigned_to"]) == ("pending", None)
    await desk.call("deactivate_instance", instanceId="a", reason="done for today")
    assert (await desk.call("claim_task", id="t2", instanceId="b"))["task"]["assigned_to"] == "b"


async def test_a_task_waits_for_its_dependencies(desk: Desk) -> None:
    await desk.join("a")
    await _task(desk, "first")
    await _task(desk, "second", dependencies=["first"])
    with pytest.raises(ConflictError, match="waits for first"):
        await desk.call("claim_task", id="second", instanceId="a")
    assert (await desk.call("claim_next_task", instanceId="a"))["task"]["id"] == "first"
    await desk.call("update_task", id="first", updates={"status": "completed"}, instanceId="a")
    assert (await desk.call("claim_next_task", instanceId="a"))["task"]["id"] == "second"


async def test_circles_and_unknown_dependencies_are_refused(desk: Desk) -> None:
    await _task(desk, "a")
    await _task(desk, "b", dependencies=["a"])
    with pytest.raises(InvalidError, match="'a' would wait for itself"):
        await desk.call("update_task", id="a", updates={"dependencies": ["b"]})
    with pytest.raises(NotFoundError, match="no task 'nowhere'"):
        await _task(desk, "c", dependencies=["nowhere"])


async def test_a_dependency_can_be_in_another_project(desk: Desk) -> None:
    await desk.join("a")
    for project in ("p", "q"):
        await desk.call("create_project", id=project, name=project, description="")
        await _task(desk, "same", project_id=project)
    await _task(desk, "last", project_id="p", dependencies=["q/same"])
    assert (await desk.call("get_task", id="p/last"))["waits_for"] == ["q/same"]


async def test_an_id_that_two_projects_have_must_be_told_apart(desk: Desk) -> None:
    for project in ("p", "q"):
        await desk.call("create_project", id=project, name=project, description="")
        await _task(desk, "same", project_id=project)
    with pytest.raises(InvalidError, match="2 projects have a task 'same'") as refusal:
        await desk.call("get_task", id="same")
    assert "p/same" in refusal.value.hint
    assert (await desk.call("get_task", id="same", project_id="q"))["task"]["project_id"] == "q"


async def test_the_next_task_is_mine_first_then_the_most_pressing_then_the_oldest(desk: Desk) -> None:
    await desk.join("a")
    await _task(desk, "low", priority="low")
    await _task(desk, "high-1", priority="high")
    await _task(desk, "high-2", priority="high")
    await _task(desk, "critical", priority="critical")
    await _task(desk, "mine", priority="low", assigned_to="a")
    order = [(await desk.call("claim_next_task", instanceId="a"))["task"]["id"] for _ in range(5)]
    assert order == ["mine", "critical", "high-1", "high-2", "low"]
    nothing = await desk.call("claim_next_task", instanceId="a")
    assert nothing["task"] is None
    assert "Nothing to take" in nothing["why"]


async def test_the_next_task_is_one_that_i_may_take(desk: Desk) -> None:
    await desk.join("dev")
    await desk.join("other")
    await desk.call("create_project", id="mine", name="Mine", description="", members=["dev"])
    await desk.call("create_project", id="theirs", name="Theirs", description="", members=["other"])
    await _task(desk, "foreign", project_id="theirs", priority="critical")
    await _task(desk, "for-testers", project_id="mine", priority="critical", role="tester")
    await _task(desk, "assigned", project_id="mine", priority="critical", assigned_to="other")
    await _task(desk, "right", project_id="mine", priority="low")
    assert (await desk.call("claim_next_task", instanceId="dev"))["task"]["id"] == "right"
    assert (await desk.call("claim_next_task", instanceId="dev"))["task"] is None
    with pytest.raises(ConflictError, match="for role tester"):
        await desk.call("claim_task", id="for-testers", instanceId="dev")


async def test_only_who_registered_can_claim(desk: Desk) -> None:
    await desk.join("nova")
    await _task(desk, "t")
    with pytest.raises(NotFoundError, match="no instance 'nvoa' is registered") as refusal:
        await desk.call("claim_task", id="t", instanceId="nvoa")
    assert "Did you mean nova?" in refusal.value.hint


async def test_a_blocked_task_keeps_its_holder_until_the_lease_ends(desk: Desk) -> None:
    await desk.join("a")
    await _task(desk, "t")
    await desk.call("claim_task", id="t", instanceId="a")
    await desk.call("update_task", id="t", updates={"status": "blocked"}, instanceId="a")
    back = await desk.call("update_task", id="t", updates={"status": "in_progress"}, instanceId="a")
    assert back["task"]["assigned_to"] == "a"
    await desk.call("update_task", id="t", updates={"status": "blocked"}, instanceId="a")
    desk.later(16)
    assert (await desk.call("claim_next_task", instanceId="a"))["task"] is None
    freed = (await desk.call("get_task", id="t"))["task"]
    assert (freed["status"], freed["assigned_to"]) == ("blocked", None)


async def test_a_claimed_task_comes_with_lessons_that_matter(desk: Desk) -> None:
    await desk.join("a")
    await desk.call("create_project", id="p", name="P", description="")
    lessons = [
        {"type": "pitfall", "content": "Backups of the wrong directory look fine until you restore them."},
        {"type": "pattern", "content": "Paint dries slowly in winter."},
    ]
    await desk.call("submit_lessons", project_id="p", instance_id="a", lessons=lessons)
    await desk.call("create_task", id="t", title="Restore the backups", description="", project_id="p")
    offered = (await desk.call("claim_task", id="t", instanceId="a"))["lessons"]
    assert offered[0]["content"].startswith("Backups of the wrong directory")
