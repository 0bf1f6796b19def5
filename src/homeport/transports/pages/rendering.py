"""From a page to its bytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from jinja2 import Environment, PackageLoader

from homeport.coordination.values import iso
from homeport.transports.pages import texts
from homeport.transports.pages.assets import Assets
from homeport.transports.pages.flags import flag
from homeport.transports.pages.icons import icon
from homeport.transports.pages.look import Look
from homeport.transports.pages.notices import NOTICES
from homeport.transports.pages.view import Page, Visitor

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # With "no-referrer" a form's own Origin would be "null", which is a foreign one.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    (b"cache-control", b"no-store"),
    (b"vary", b"accept, cookie"),
)


class Renderer:
    """Renders templates of the package.

    Args:
        look: of the environment.
        assets: what pages refer to.
        clock: seconds since the epoch.
    """

    def __init__(self, look: Look, assets: Assets, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._environment = Environment(
            loader=PackageLoader("homeport.transports.pages"),
            autoescape=True,
            # What is not there says nothing: answers of operations leave out what is empty.
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {
            "markdown": texts.markdown,
            "segment": texts.segment,
            "highlighted": texts.highlighted,
            "count": texts.count,
            "glance": texts.glance,
            "listed": texts.listed,
            "span": texts.span,
            "duration": texts.duration,
            "bytes": texts.size,
            "task_path": texts.task_path,
            "shortened": texts.shortened,
            "iso": iso,
        }
        self._environment.globals |= {"look": look, "asset": assets.address, "flag": flag, "icon": icon, "zip": zip}

    def render(self, page: Page, visitor: Visitor, frame: dict[str, Any]) -> bytes:
        """The page's HTML.

        Args:
            page: what to show.
            visitor: to whom.
            frame: what the layout is told.
        """
        now = self._clock()
        context = {
            "base": visitor.prefix,
            "visitor": visitor,
            "title": page.title,
            "when": partial(texts.when, now=now),
            "until": partial(texts.until, now=now),
            "today": iso(int(now * 1000))[:10],
            "now": now,
            "notice": NOTICES.get(visitor.query.get("done", "")),
            "frame": frame,
            **page.context,
        }
        return self._environment.get_template(page.template).render(context).encode("utf-8", "replace")
