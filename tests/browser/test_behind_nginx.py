"""The pages through a real nginx with TLS, below the path that provision gives an environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from homeport.environments.machine.nginx import snippet_text
from tests.support.browser import window
from tests.support.nginx import nginx
from tests.support.provisioning import declared
from tests.support.running import running, workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.mark.needs_nginx
@pytest.mark.parametrize("name", ["development", "production"])
def test_pages_work_where_provision_puts_them(browser: Browser, tmp_path: Path, name: str) -> None:
    place = workspace(tmp_path, name, 'trusted_proxies = ["127.0.0.0/8"]\n')
    token = place.token("ada", "--instance", "ada") if name == "production" else ""
    environment = declared(f'proxy = "nginx"\nhttp_port = {place.port}\nsse_port = {place.sse_port}', name)
    assert environment.proxy is not None
    locations = snippet_text(environment, environment.proxy)
    with running(place), nginx(tmp_path, ("localhost",), locations) as proxy:
        url = f"https://localhost:{proxy.port}{environment.proxy.path}"
        with window(browser, url, ignore_https_errors=True) as ada:
            if token:
                ada.sign_in(token)
            else:
                ada.named("ada")
            cookies = ada.context.cookies()
            assert {one["path"] for one in cookies} == {environment.proxy.path or "/"}
            assert all(one["secure"] and one["httpOnly"] for one in cookies)
            ada.go("" if environment.proxy.path else "/")
            ada.follows()
            # Every link and form leads to a page below the same path.
            led = ada.page.locator("a[href], form[action]").evaluate_all(
                "all => all.map(one => one.href || one.action)"
            )
            assert led
            assert [one for one in led if not one.startswith((url, "#"))] == []
            ada.page.get_by_role("link", name="Messages").click()
            ada.page.get_by_role("heading", name="Messages").wait_for()
            ada.page.get_by_role("link", name="Write").click()
            ada.page.get_by_label("To", exact=True).fill("ada")
            ada.page.get_by_label("Subject").fill("Through the proxy")
            ada.page.get_by_role("button", name="Send").click()
            ada.page.get_by_role("heading", name="Through the proxy").wait_for()
