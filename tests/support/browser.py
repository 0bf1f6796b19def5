"""A real browser, and what every page must do in it: ask nobody else, complain of nothing, keep everybody in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.support.node import DIRECTORY

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

PATIENCE: Final = 30_000
"""Milliseconds for anything that a page is to show; a loaded machine takes its time."""
DESK: Final = {"width": 1280, "height": 860}
PHONE: Final = {"width": 390, "height": 844}
# Of a browser that runs as root and asks nobody anything by itself.
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_AXE: Final = DIRECTORY / "node_modules" / "axe-core" / "axe.min.js"
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def find_chromium() -> str | None:
    """The program, where it is installed."""
    return shutil.which("chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser. While it runs, its thread cannot run an event loop of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(_ARGUMENTS))
        yield browser
        browser.close()


@dataclass
class Window:
    """A browser of one person: cookies of its own, and an eye on what pages do.

    Attributes:
        url: of the environment's pages.
        may_lose: whether a server goes away during the test, so that requests fail.
    """

    context: BrowserContext
    page: Page
    url: str
    may_lose: bool = False
    complaints: list[str] = field(default_factory=list)
    abroad: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Notes what a page complains of, and whom it asks."""
        page.set_default_timeout(PATIENCE)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)

    def go(self, path: str) -> None:
        """Opens a page."""
        self.page.goto(f"{self.url}{path}")

    def tab(self, path: str) -> Page:
        """Another tab of the same browser."""
        page = self.context.new_page()
        self.watch(page)
        page.goto(f"{self.url}{path}")
        return page

    def named(self, name: str) -> Window:
        """Takes a name where everybody is answered."""
        self.go("/me")
        self.page.get_by_label("What shall others call you?").fill(name)
        self.page.get_by_role("button", name="Use this name").click()
        self.page.wait_for_url("**done=named")
        return self

    def sign_in(self, token: str) -> Window:
        """Shows a token."""
        self.go("/sign-in")
        self.page.get_by_label("A token of").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**done=welcome")
        return self

    def follows(self, page: Page | None = None) -> None:
        """Waits until the page is live."""
        (page or self.page).locator("body[data-live=yes]").wait_for(timeout=PATIENCE)

    def violations(self) -> list[str]:
        """What axe finds on the page that is open."""
        self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = self.page.evaluate(
            "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}, resultTypes: ['violations']})", _RULES
        )
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not (self.may_lose and "net::" in message.text):
            self.complaints.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.abroad.append(request.url)


@contextmanager
def window(browser: Browser, url: str, **settings: Any) -> Iterator[Window]:
    """A person's browser; in the end no page may have complained or asked anybody else."""
    context = browser.new_context(**{"viewport": DESK, "color_scheme": "light", **settings})
    page = context.new_page()
    one = Window(context, page, url)
    one.watch(page)
    try:
        yield one
        assert not one.complaints, one.complaints
        assert not one.abroad, one.abroad
    finally:
        context.close()
