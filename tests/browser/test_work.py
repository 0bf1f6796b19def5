"""Projects, tasks and lessons as a person meets them: dragged, moved by keyboard, filtered, and without scripts."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import PHONE, Window, window
from tests.support.running import Workspace
from tests.support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

_NUMBERS = count(1)


@pytest.fixture
def task(port: Workspace) -> str:
    """A pending task of a project of its own; its reference."""
    number = next(_NUMBERS)
    port.call("create_project", id=f"pier-{number}", name=f"Pier {number}", description="A **pier**.")
    port.call("create_task", id="lamp", title="Mend the lamp", description="At night.", project_id=f"pier-{number}")
    return f"pier-{number}/lamp"


def _open_board(who: Window, task: str) -> None:
    who.go(f"/projects/{task.partition('/')[0]}")
    who.follows()


def _lane(who: Window, status: str) -> Locator:
    return who.page.locator(f"[data-lane={status}]")


def _card(who: Window, status: str) -> Locator:
    return _lane(who, status).locator("[data-card]", has_text="Mend the lamp")


def _status(port: Workspace, task: str) -> tuple[str, str | None]:
    found = port.call("get_task", id=task)["task"]
    return found["status"], found["assigned_to"]


def _drag(who: Window, card: Locator, lane: Locator) -> None:
    start, end = card.bounding_box(), lane.bounding_box()
    assert start is not None
    assert end is not None
    mouse = who.page.mouse
    mouse.move(start["x"] + 20, start["y"] + start["height"] - 8)
    mouse.down()
    mouse.move(start["x"] + 40, start["y"] + 30, steps=3)
    mouse.move(end["x"] + end["width"] / 2, end["y"] + 80, steps=5)
    mouse.up()


def test_a_task_is_dragged_to_another_column_and_everybody_sees_it(
    ada: Window, browser: Browser, port: Workspace, task: str
) -> None:
    _open_board(ada, task)
    with window(browser, port.url) as other:
        other.named("bo")
        _open_board(other, task)
        _drag(ada, _card(ada, "pending"), _lane(ada, "in_progress"))
        _card(ada, "in_progress").wait_for()
        _card(other, "in_progress").wait_for()
    until(lambda: _status(port, task) == ("in_progress", "ada"), within=30)
    # After the drag the card is what the server says: it has a holder, and a lease that runs down.
    _card(ada, "in_progress").get_by_text("min left").wait_for()
    assert _lane(ada, "pending").locator(".number").inner_text() == "0"


def test_a_card_that_may_not_go_there_is_put_back_with_the_reason(ada: Window, port: Workspace, task: str) -> None:
    port.call("claim_task", id=task, instance_id="nova")
    _open_board(ada, task)
    _drag(ada, _card(ada, "claimed"), _lane(ada, "completed"))
    said = ada.page.locator("[data-board-state]")
    said.get_by_text("is held by nova, not by ada").wait_for()
    _card(ada, "claimed").wait_for()
    assert _card(ada, "completed").count() == 0
    # The browser itself notes every answer that is no success; the page complains of nothing else.
    assert all("409" in one for one in ada.complaints), ada.complaints
    ada.complaints.clear()
    assert _status(port, task) == ("claimed", "nova")


def test_a_task_is_moved_by_keyboard_alone(ada: Window, port: Workspace, task: str) -> None:
    _open_board(ada, task)
    keys = ada.page.keyboard
    keys.press("j")
    assert ada.page.evaluate("document.activeElement.textContent") == "Mend the lamp"
    said = ada.page.locator("[data-board-state]")
    keys.press("m")
    keys.press("ArrowRight")
    said.get_by_text("Column Claimed.").wait_for()
    keys.press("Escape")
    said.get_by_text("stays where it was").wait_for()
    assert _status(port, task) == ("pending", None)
    keys.press("m")
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    keys.press("Enter")
    said.get_by_text("is in progress now").wait_for()
    assert _status(port, task) == ("in_progress", "ada")
    # The card keeps the focus, also when the server's own view of it has come.
    _card(ada, "in_progress").get_by_text("min left").wait_for()
    assert ada.page.evaluate("document.activeElement.textContent") == "Mend the lamp"


def test_the_list_filters_and_follows_what_happens(ada: Window, port: Workspace, task: str) -> None:
    project = task.partition("/")[0]
    port.call(
        "create_task", id="late", title="Oil", description="x", project_id=project, metadata={"due": "2001-01-01"}
    )
    ada.go(f"/projects/{project}?view=list")
    ada.follows()
    ada.page.get_by_label("Overdue").check()
    ada.page.get_by_role("button", name="Filter").click()
    ada.page.wait_for_url("**overdue=1**")
    assert ada.page.locator("[data-row] .row-title").all_inner_texts() == ["Oil"]
    ada.follows()
    port.call("create_task", id="l2", title="Rust", description="x", project_id=project, metadata={"due": "2001-01-01"})
    ada.page.get_by_role("link", name="Rust").wait_for()
    ada.page.get_by_label("Words").fill("rus")
    ada.page.keyboard.press("Enter")
    ada.page.wait_for_url("**q=rus**")
    assert ada.page.locator("[data-row] .row-title").all_inner_texts() == ["Rust"]


def test_without_scripts_a_task_is_made_moved_and_changed(browser: Browser, port: Workspace, task: str) -> None:
    project = task.partition("/")[0]
    with window(browser, port.url, java_script_enabled=False) as bo:
        bo.named("bo")
        bo.go(f"/projects/{project}")
        card = _card(bo, "pending")
        card.locator("summary").click()
        card.get_by_role("button", name="Begin").click()
        bo.page.wait_for_url("**done=changed")
        assert _card(bo, "in_progress").count() == 1
        bo.page.get_by_role("link", name="New task").click()
        bo.page.get_by_label("Title").fill("Paint")
        bo.page.get_by_label("Waits for").fill("lamp")
        bo.page.get_by_role("button", name="Create").click()
        bo.page.wait_for_url("**done=created")
        assert bo.page.get_by_role("link", name="Mend the lamp").is_visible()
        bo.page.get_by_role("link", name="Change").click()
        bo.page.get_by_label("Title").fill("Paint it white")
        bo.page.get_by_role("button", name="Save").click()
        bo.page.wait_for_url("**done=changed")
        assert bo.page.get_by_role("heading", name="Paint it white").is_visible()
    assert _status(port, task) == ("in_progress", "bo")


@pytest.mark.needs_node
@pytest.mark.parametrize(("scheme", "size"), [("light", "phone"), ("dark", "desk")])
def test_axe_finds_nothing_on_pages_of_work(
    browser: Browser, port: Workspace, task: str, scheme: str, size: str
) -> None:
    project = task.partition("/")[0]
    more = {"project_id": project, "dependencies": ["lamp"], "metadata": {"due": "2001-01-01"}, "priority": "critical"}
    port.call("create_task", id="oil", title="<b>Oil</b>", description="`x`", **more)
    port.call("claim_task", id=task, instance_id="nova")
    for number in range(31):
        port.call("create_task", id=f"more-{number}", title=f"Buoy {number}", description="x", project_id=project)
    learned = [{"type": "pitfall", "content": "The **tide** turns.", "confidence": 0.8}]
    port.call("submit_lessons", project_id=project, instance_id="nova", lessons=learned)
    port.call("submit_lessons", project_id=project, instance_id="nova", lessons=[{"type": "other", "content": "x"}])
    settings = {"color_scheme": scheme, **({"viewport": PHONE} if size == "phone" else {})}
    paths = (
        *("/projects", f"/projects/{project}", f"/projects/{project}?view=list", f"/projects/{project}?view=map"),
        *(f"/projects/{project}?view=history", f"/projects/{project}/edit", "/new/project"),
        *("/tasks", "/tasks?view=board", "/tasks?q=nowhere", f"/tasks/{task}", f"/tasks/{project}/oil"),
        *(f"/tasks/{task}/edit", "/new/task", "/lessons", "/lessons?q=tide&type=pitfall", "/lessons/1"),
    )
    with window(browser, port.url, **settings) as one:
        one.named("ada")
        for path in paths:
            one.go(path)
            assert one.violations() == [], path
            wide = one.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, path
