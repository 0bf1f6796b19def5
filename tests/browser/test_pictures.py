"""Pictures of the pages, as they are in the README; each run makes them anew in build/pictures."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import DESK, PHONE, window
from tests.support.running import Workspace, running, workspace
from tests.support.story import Teller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

PICTURES = Path(__file__).parents[2] / "build" / "pictures"


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, str]]:
    """Production with a team at work, and a person's token."""
    with running(workspace(tmp_path_factory.mktemp("story"), "production")) as place:
        Teller(place, place.token("crew")).tell()
        yield place, place.token("ada", "--instance", "ada")


@pytest.mark.parametrize(
    ("name", "path", "size", "scheme"),
    [
        ("home", "/", DESK, "light"),
        ("home-dark", "/", DESK, "dark"),
        ("phone", "/", PHONE, "dark"),
        ("inbox", "/inbox", DESK, "light"),
        ("board", "/projects/harbour", DESK, "light"),
    ],
)
def test_a_picture_shows_a_page_whole(
    browser: Browser, production: tuple[Workspace, str], name: str, path: str, size: dict[str, int], scheme: str
) -> None:
    place, token = production
    file = PICTURES / f"{name}.png"
    with window(browser, place.url, viewport=size, color_scheme=scheme) as ada:
        ada.sign_in(token)
        ada.go(path)
        ada.follows()
        ada.page.evaluate("document.fonts.ready")
        ada.page.screenshot(path=file)
        assert ada.page.evaluate("[...document.fonts].filter(one => one.status === 'loaded').length") >= 2
    data = file.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (size["width"], size["height"])
    # An empty page of this size is a tenth of that.
    assert len(data) > 20_000
