"""A browser without a screen: keeps cookies, fills in forms, reads what stands on a page."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Final

import httpx2

from tests.support.site import BASE, Served

HTML: Final = "text/html,application/xhtml+xml"


class Visitor:
    """Somebody who looks at the pages of a site in process.

    Args:
        site: whose.
        headers: with every request.
    """

    def __init__(self, site: Served, **headers: str) -> None:
        transport = httpx2.ASGITransport(site.site.app)
        self.http = httpx2.AsyncClient(
            transport=transport, base_url=BASE, headers={"accept": HTML, "user-agent": "Firefox/140.0 Linux", **headers}
        )

    async def get(self, path: str, **more: Any) -> httpx2.Response:
        """A page."""
        return await self.http.get(path, **more)

    async def follow(self, path: str) -> httpx2.Response:
        """A page, or the one that it leads to."""
        return await self.http.get(path, follow_redirects=True)

    async def send(self, path: str, page: str = "/sign-in", **fields: str) -> httpx2.Response:
        """Fills in a form that stands on a page; the answer is not followed."""
        shown = await self.get(page)
        return await self.http.post(path, data={"seal": seal_of(shown), **fields}, headers={"origin": BASE})

    async def sign_in(self, token: str) -> httpx2.Response:
        """Shows a token."""
        return await self.send("/sign-in", token=token)


def seal_of(page: httpx2.Response) -> str:
    """What a form of the page carries."""
    found = re.search(r'name="seal" value="([0-9a-f]{64})"', page.text)
    assert found is not None, page.text
    return found[1]


def words_of(page: httpx2.Response) -> str:
    """What one reads on a page, on one line."""
    body = re.sub(r"<(script|style|svg)\b.*?</\1>|<head>.*?</head>", " ", page.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
