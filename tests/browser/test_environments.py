"""The pages of environments in a real browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from homeport.environments.status.survey import survey_text
from tests.support.browser import PHONE, window
from tests.support.running import Workspace
from tests.support.surveys import a_survey

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def surveyed(port: Workspace) -> Workspace:
    """The server of all tests, told of two environments just now."""
    journal = port.file.parent / "development" / "journal"
    journal.mkdir(exist_ok=True)
    (journal / "survey.json").write_text(survey_text(a_survey(time.time_ns() // 1_000_000)))
    return port


def test_a_page_shows_the_command_and_copies_it_and_does_nothing_itself(browser: Browser, surveyed: Workspace) -> None:
    with window(browser, surveyed.url, permissions=["clipboard-read", "clipboard-write"]) as ada:
        ada.named("ada")
        ada.page.keyboard.press("g")
        ada.page.keyboard.press("e")
        ada.page.get_by_role("link", name="production", exact=True).click()
        ada.page.get_by_role("heading", name="Findings").wait_for()
        ada.page.locator(".finding").get_by_role("button", name="Copy").click()
        ada.page.get_by_role("button", name="Copied").wait_for()
        assert ada.page.evaluate("navigator.clipboard.readText()") == "homeport backup drill production"
        assert ada.page.locator("main form").count() == 0


@pytest.mark.needs_node
@pytest.mark.parametrize(("scheme", "size"), [("dark", "phone"), ("light", "desk")])
def test_axe_finds_nothing_on_pages_of_environments(
    browser: Browser, surveyed: Workspace, scheme: str, size: str
) -> None:
    settings = {"color_scheme": scheme, **({"viewport": PHONE} if size == "phone" else {})}
    with window(browser, surveyed.url, **settings) as one:
        for path in ("/environments", "/environments/production", "/environments/development"):
            one.go(path)
            one.page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
            assert one.violations() == [], path
            wide = one.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, path
