"""The way around: which parts there are, in which order, under which key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from homeport.transports.pages.view import View


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the site."""

    path: str
    title: str
    icon: str
    key: str
    """Pressed after ``g``."""
    also: tuple[str, ...] = ()
    """First words of paths that belong to it, besides its own."""
    is_here: bool = False

    def holds(self, path: str) -> bool:
        """Whether a path belongs to it."""
        first = path.split("/")[1]
        return first == self.path[1:] or first in self.also


PLACES: Final = (
    Place("/", "Home", "home", "h"),
    Place("/inbox", "Messages", "inbox", "m"),
    Place("/projects", "Projects", "projects", "p"),
    Place("/tasks", "Tasks", "tasks", "t"),
    Place("/instances", "Instances", "instances", "i"),
    Place("/lessons", "Lessons", "lessons", "l"),
    Place("/environments", "Environments", "environments", "e"),
)


def places(views: Iterable[View]) -> tuple[Place, ...]:
    """Those that have a page."""
    paths = {view.path for view in views if view.method == "GET"}
    return tuple(place for place in PLACES if place.path in paths)
