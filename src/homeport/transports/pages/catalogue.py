"""All pages, by their parts."""

from __future__ import annotations

from typing import Final

from homeport.transports.pages import home, inbox, search
from homeport.transports.pages.view import View

VIEWS: Final[tuple[View, ...]] = (*home.VIEWS, *inbox.VIEWS, *search.VIEWS)
