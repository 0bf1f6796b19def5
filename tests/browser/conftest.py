"""One browser and one server for all tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import Window, chromium, window
from tests.support.running import Workspace, running, workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them want the browser."""
    for item in items:
        if "/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.needs_browser)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(180))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with the last test of a module: others run event loops in this thread."""
    with chromium() as one:
        yield one


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Development, open, with a team at work."""
    with running(workspace(tmp_path_factory.mktemp("port"))) as place:
        _crew(place)
        yield place


@pytest.fixture
def ada(browser: Browser, port: Workspace) -> Iterator[Window]:
    """Somebody at a desk."""
    with window(browser, port.url) as one:
        yield one.named("ada")


def _crew(place: Workspace) -> None:
    for name, role in (("nova", "Developer"), ("atlas", "Architect"), ("lyra", "Tester"), ("ada", "person")):
        place.call("register_instance", instanceId=name, role=role)
    place.call("create_project", id="harbour", name="Harbour", description="The **new** quay.")
