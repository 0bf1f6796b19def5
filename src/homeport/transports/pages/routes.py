"""From a path to its views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from homeport.transports.exchange import Exchange
from homeport.transports.pages.view import View


class Found(NamedTuple):
    """The views of a path by method, and what stands in its places."""

    views: Mapping[str, View]
    path: Mapping[str, str]


class Table:
    """Finds views; a path without places goes before one with some.

    Args:
        views: all there are.
    """

    def __init__(self, views: Iterable[View]) -> None:
        self._views: dict[tuple[str, ...], dict[str, View]] = {}
        for view in views:
            self._views.setdefault(tuple(view.path.strip("/").split("/")), {})[view.method] = view

    def find(self, exchange: Exchange) -> Found | None:
        """What is at a request's path, where a slash within a name is written ``%2F``."""
        raw: bytes = exchange.scope.get("raw_path") or exchange.path.encode()
        parts = tuple(unquote(part, errors="replace") for part in raw.decode("latin-1").strip("/").split("/"))
        if parts in self._views:
            return Found(self._views[parts], {})
        for pattern, views in self._views.items():
            places = _places(pattern, parts)
            if places:
                return Found(views, places)
        return None


def _places(pattern: tuple[str, ...], parts: tuple[str, ...]) -> dict[str, str]:
    """What stands in the places of a pattern; empty where it does not fit."""
    if len(pattern) != len(parts):
        return {}
    places = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            if not part:
                return {}
            places[wanted[1:-1]] = part
        elif wanted != part:
            return {}
    return places
