"""All pages, by their parts."""

from __future__ import annotations

from typing import Final

from homeport.transports.pages import (
    connecting,
    home,
    inbox,
    instances,
    keys,
    lessons,
    projects,
    search,
    task,
    tasks,
)
from homeport.transports.pages.view import View

VIEWS: Final[tuple[View, ...]] = (
    *home.VIEWS,
    *inbox.VIEWS,
    *projects.VIEWS,
    *tasks.VIEWS,
    *task.VIEWS,
    *instances.VIEWS,
    *lessons.VIEWS,
    *search.VIEWS,
    *connecting.VIEWS,
    *keys.VIEWS,
)
