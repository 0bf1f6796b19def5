"""All pages, by their parts."""

from __future__ import annotations

from typing import Final

from homeport.transports.pages import home, inbox, lessons, projects, search, task, tasks
from homeport.transports.pages.view import View

VIEWS: Final[tuple[View, ...]] = (
    *home.VIEWS,
    *inbox.VIEWS,
    *lessons.VIEWS,
    *projects.VIEWS,
    *search.VIEWS,
    *task.VIEWS,
    *tasks.VIEWS,
)
