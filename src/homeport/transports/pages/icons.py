"""Small drawings beside words: one line of one width, on a square of twenty."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

_ICONS: Final = {
    "archive": "M3 4h14v3.5H3zM4.5 7.5V16h11V7.5M8 11h4",
    "arrow": "M8 4l6 6-6 6",
    "back": "M12 4l-6 6 6 6",
    "block": "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM5.2 5.2l9.6 9.6",
    "check": "M4 10.5l4 4 8-9",
    "clock": "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM10 6v4.4l2.8 1.8",
    "connect": "M7 3v4M13 3v4M5 7h10v3a5 5 0 0 1-10 0zM10 15v3",
    "copy": "M7 7h9v10H7zM13 7V3H4v10h3",
    "environments": "M10 3l3 8H7zM6 11h8l1 3H5zM2.5 17c1.3-1.2 2.5-1.2 3.8 0s2.5 1.2 3.7 0 2.5-1.2 3.7 0 2.5 1.2 3.8 0",
    "home": "M10 2.8a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6zM10 6.4V17M6.8 9h6.4"
    "M3.5 11.5c.4 3.4 3 5.5 6.5 5.5s6.1-2.1 6.5-5.5",
    "inbox": "M3 5h14v10.5H3zM3.3 5.4L10 11l6.7-5.6",
    "instances": "M5 2.5V18M5 3.5h10l-2.5 3.2 2.5 3.3H5",
    "key": "M7 8.5a3.5 3.5 0 1 0 0 3l1.2-1.5H16v3M13 10v2",
    "lessons": "M8 17h4M8.3 8h3.4l.8 9h-5zM8 5.5h4V8H8zM10 3v2.5M4.5 6.5l2 .5M15.5 6.5l-2 .5",
    "menu": "M3 6h14M3 10h14M3 14h14",
    "more": "M4 7.5l6 6 6-6",
    "out": "M8 4H4v12h4M12 6.5l3.5 3.5-3.5 3.5M15 10H7.5",
    "plus": "M10 4v12M4 10h12",
    "projects": "M3 4h4v12H3zM8.5 4h4v8h-4zM14 4h3v5h-3z",
    "reply": "M8 5L3.5 9.5 8 14M4 9.5h7c3.5 0 5.5 2 5.5 5.5",
    "search": "M8.7 3.5a5.2 5.2 0 1 0 0 10.4 5.2 5.2 0 0 0 0-10.4zM12.5 12.5L17 17",
    "tasks": "M3.5 5.5l1.5 1.5L7.5 4M3.5 13l1.5 1.5L7.5 11.5M10.5 5.5H17M10.5 13H17",
    "tokens": "M7 8.5a3.5 3.5 0 1 0 0 3l1.2-1.5H16v3M13 10v2",
    "warning": "M10 3.5L17.5 16.5h-15zM10 8v4M10 14.2v.3",
    "webhooks": "M4 13a3 3 0 1 0 4 3h5M8 4.5a3 3 0 1 1 4 3.8l-3 5M16 13a3 3 0 1 1-2.5 4",
    "you": "M10 3a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM3.5 17c.5-3.2 3-4.8 6.5-4.8s6 1.6 6.5 4.8",
}


def icon(name: str) -> Markup:
    """A drawing; for the eye alone, words stand beside it or are its button's label.

    Raises:
        KeyError: there is none of that name.
    """
    drawn = (
        '<svg class="icon" viewBox="0 0 20 20" fill="none" stroke="currentColor" '
        'stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
        f'<path d="{_ICONS[name]}"/></svg>'
    )
    return Markup(drawn)  # noqa: S704 - nothing in it comes from outside
