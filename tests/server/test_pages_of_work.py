"""The pages of projects and tasks, in process: what they show, and what their forms do and refuse."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.support.site import BASE, Served
from tests.support.visitor import Visitor, seal_of, words_of

HOSTILE = ("-", "<b>&\"'", "new", "a b", "שלום", "%2e%2e", "ü?#", "x" * 200, "{{7*7}}")


async def _ada(site: Served) -> Visitor:
    visitor = Visitor(site)
    answer = await visitor.send("/me/name", page="/me", name="ada")
    assert answer.status_code == 303, answer.text
    return visitor


async def _call(site: Served, operation: str, /, **arguments: Any) -> dict[str, Any]:
    return await site.dispatcher.call(operation, arguments)


async def _project(site: Served, id_: str = "harbour") -> None:
    await _call(site, "create_project", id=id_, name="Harbour", description="The **new** quay.")


async def _send(visitor: Visitor, page: str, path: str, **fields: str) -> httpx2.Response:
    return await visitor.send(path, page=page, **fields)


async def test_a_board_has_a_column_for_each_status(site: Served) -> None:
    ada = await _ada(site)
    await _project(site)
    await _call(site, "create_task", id="lamp", title="Mend the lamp", description="x", project_id="harbour")
    page = words_of(await ada.get("/projects/harbour"))
    for text in ("Pending 1", "Claimed 0", "In progress 0", "Blocked 0", "Completed 0", "Mend the lamp", "Take it"):
        assert text in page
    assert "Pending 1" in words_of(await ada.get("/tasks?view=board"))


async def test_a_form_moves_a_task_and_takes_it_on_the_way(site: Served) -> None:
    ada = await _ada(site)
    await _project(site)
    await _call(site, "create_task", id="lamp", title="Mend the lamp", description="x", project_id="harbour")
    answer = await _send(ada, "/projects/harbour", "/tasks/harbour/lamp/move", status="in_progress", back="project")
    assert answer.headers["location"] == "/projects/harbour?done=changed"
    task = (await _call(site, "get_task", id="harbour/lamp"))["task"]
    assert (task["status"], task["assigned_to"]) == ("in_progress", "ada")
    shown = words_of(await ada.get("/tasks/harbour/lamp"))
    assert "15 min left" in shown
    assert "ada took it" in shown
    await _send(ada, "/tasks/harbour/lamp", "/tasks/harbour/lamp/move", status="completed")
    assert (await _call(site, "get_task", id="harbour/lamp"))["task"]["status"] == "completed"


async def test_a_move_that_is_refused_says_why_and_changes_nothing(site: Served) -> None:
    ada = await _ada(site)
    await _call(site, "register_instance", instanceId="nova", role="Developer")
    await _call(site, "create_task", id="lamp", title="Mend the lamp", description="x")
    await _call(site, "claim_task", id="lamp", instance_id="nova")
    answer = await _send(ada, "/new/task", "/tasks/:/lamp/move", status="completed")
    assert answer.status_code == 409
    assert "data-refusal><strong>Task &#39;lamp&#39; is held by nova, not by ada." in answer.text
    assert (await _call(site, "get_task", id="lamp"))["task"]["assigned_to"] == "nova"
    assert (await _send(ada, "/new/task", "/tasks/:/lamp/move", status="sunk")).status_code == 400
    assert (await _send(ada, "/new/task", "/tasks/:/gone/move", status="blocked")).status_code == 404
    unsealed = await ada.http.post("/tasks/:/lamp/move", data={"status": "blocked"}, headers={"origin": BASE})
    assert unsealed.status_code == 403


async def test_the_list_filters_by_everything_at_once(site: Served) -> None:
    ada = await _ada(site)
    await _project(site)
    for name, more in (
        ("one", {"priority": "high", "metadata": {"due": "2001-01-01"}}),
        ("two", {"priority": "high"}),
        ("three", {"project_id": "harbour", "metadata": {"due": "2001-01-01"}}),
    ):
        await _call(site, "create_task", id=name, title=f"Lamp {name}", description="of the quay", **more)
    for query, there in (
        ("", {"one", "two", "three"}),
        ("q=quay+lam&priority=high", {"one", "two"}),
        ("overdue=1", {"one", "three"}),
        ("overdue=1&project=harbour", {"three"}),
        ("status=completed", set()),
        ("assignee=ada", set()),
    ):
        page = words_of(await ada.get(f"/tasks?{query}"))
        assert {name for name in ("one", "two", "three") if f"Lamp {name}" in page} == there, query
    odd = await ada.get("/tasks?status=sunk&cursor=%00&priority=%F0")
    assert odd.status_code == 200
    assert "status" in words_of(odd)


async def test_a_task_is_made_and_changed_by_forms(site: Served) -> None:
    ada = await _ada(site)
    await _project(site)
    fields = {
        "title": "Mend the Lämp!",
        "project": "harbour",
        "due": "2026-12-24",
        "tags": "light, , sea",
        "once": "o1",
    }
    made = await _send(ada, "/new/task?project=harbour", "/new/task", **fields)
    path = made.headers["location"].partition("?")[0]
    assert path.startswith("/tasks/harbour/mend-the-lamp-")
    again = await _send(ada, "/new/task", "/new/task", **fields)
    assert again.status_code == 409
    reference = path.removeprefix("/tasks/")
    task = (await _call(site, "get_task", id=reference))["task"]
    assert task["metadata"] == {"tags": ["light", "sea"], "dependencies": [], "due": "2026-12-24"}
    form = await ada.get(f"{path}/edit")
    changed = await ada.http.post(
        f"{path}/edit",
        data={"seal": seal_of(form), "title": "Mend the lamp", "description": "Soon.", "priority": "high", "due": ""},
        headers={"origin": BASE},
    )
    assert changed.headers["location"] == f"{path}?done=changed"
    task = (await _call(site, "get_task", id=reference))["task"]
    assert (task["title"], task["priority"], task["metadata"]) == (
        "Mend the lamp",
        "high",
        {"tags": [], "dependencies": []},
    )


async def test_what_cannot_be_is_refused_with_what_was_typed_still_there(site: Served) -> None:
    ada = await _ada(site)
    answer = await _send(ada, "/new/task", "/new/task", title="Lamp", due="tomorrow", description="Long text")
    assert answer.status_code == 400
    assert "is no day" in words_of(answer)
    assert "Long text" in answer.text
    answer = await _send(ada, "/new/task", "/new/task", title="Lamp", dependencies="nowhere/nothing")
    assert answer.status_code == 404
    assert "no task &#39;nowhere/nothing&#39;" in answer.text
    answer = await _send(ada, "/new/task", "/new/task", title=" ")
    assert answer.status_code == 400
    assert (await _call(site, "get_tasks"))["total"] == 0


async def test_a_project_is_begun_changed_and_drawn(site: Served) -> None:
    ada = await _ada(site)
    made = await _send(ada, "/new/project", "/new/project", name="The quay", description="**All** of it.")
    path = made.headers["location"].partition("?")[0]
    project = path.removeprefix("/projects/")
    assert (await _call(site, "get_project", id=project))["project"]["members"] == ["ada"]
    await _call(site, "create_task", id="walls", title="Walls", description="x", project_id=project)
    await _call(
        site, "create_task", id="roof", title="Roof", description="x", project_id=project, dependencies=["walls"]
    )
    await _call(site, "create_task", id="alone", title="Alone", description="x", project_id=project)
    drawn = await ada.get(f"{path}?view=map")
    assert drawn.text.count('class="node"') == 2
    assert drawn.text.count('class="wait"') == 1
    assert "Alone" not in words_of(drawn)
    assert "Roof pending Walls" in words_of(drawn)
    await _send(
        ada, f"{path}/edit", f"{path}/edit", name="The quay", description="Done.", status="completed", members=""
    )
    project_now = (await _call(site, "get_project", id=project))["project"]
    assert (project_now["status"], project_now["members"]) == ("completed", [])
    assert "The quay" in words_of(await ada.get("/projects?status=completed"))
    assert "The quay" not in words_of(await ada.get("/projects"))
    assert "A project was begun: " in words_of(await ada.get(f"{path}?view=history"))


@pytest.mark.parametrize("name", HOSTILE)
async def test_pages_of_work_are_found_under_any_name_that_an_id_may_have(site: Served, name: str) -> None:
    ada = await _ada(site)
    await _project(site, name)
    await _call(site, "create_task", id=name, title=name, description=name, project_id=name, metadata={"due": name})
    for page in ("/projects", "/tasks", "/tasks?view=board"):
        found = await ada.get(page)
        assert found.status_code == 200
        assert "<b>" not in found.text
        assert "49" not in words_of(found).split()
    links = [one.partition('"')[0] for one in (await ada.get("/tasks")).text.split('href="/')[1:]]
    for link in {one for one in links if one.startswith(("tasks/", "projects/"))}:
        opened = await ada.get(f"/{link}")
        assert opened.status_code == 200, link
        assert name in words_of(opened).replace("\u2026", "") or len(name) > 100


async def test_lessons_are_found_by_words_project_kind_and_confidence(site: Served) -> None:
    ada = await _ada(site)
    for name in ("quay", "lamp"):
        await _project(site, name)
    for project, kind, content, sure in (
        ("quay", "pitfall", "The tide hides **rocks**.", 0.9),
        ("quay", "pattern", "Rocks show at low tide.", 0.4),
        ("lamp", "pitfall", "Glass breaks.", 0.6),
    ):
        learned = [{"type": kind, "content": content, "confidence": sure, "seen": ["twice", "<b>"]}]
        await _call(site, "submit_lessons", project_id=project, instance_id="nova", lessons=learned)
    for query, total in (
        ("", 3),
        ("q=tide+rock", 2),
        ("q=rocks&sure=0.75", 1),
        ("project=lamp", 1),
        ("type=pitfall", 2),
        ("type=pitfall&q=glass&project=quay", 0),
    ):
        page = words_of(await ada.get(f"/lessons?{query}"))
        assert f"{total} lesson{'' if total == 1 else 's'} " in page, query
    found = await ada.get("/lessons?q=rock")
    assert "<mark>Rock</mark>s show" in found.text
    one = await ada.get("/lessons/1")
    assert "<strong>rocks</strong>" in one.text
    assert "90 % sure" in words_of(one)
    assert "<b>" not in one.text
    for number in ("0", "4", "x", "9" * 30, "%C2%B2"):
        assert (await ada.get(f"/lessons/{number}")).status_code in (400, 404), number
    assert (await ada.get("/lessons?sure=very&cursor=x")).status_code == 200
