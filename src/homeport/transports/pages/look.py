"""How an environment looks, so that nobody takes one for another: its colour, its flag, its words.

The flags are those of the international code of signals, which ships speak with: production flies P, "all persons
should report on board"; development D, "keep clear of me, I am manoeuvring with difficulty"; local L, "stop".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from homeport.contract import CameFrom

_TONES: Final = {"production": "production", "development": "development", "local": "local"}
_SAYS: Final = {
    "production": "Safe to rely on. What you do here, people and agents work with.",
    "development": "Safe to break. Nothing here reaches production.",
    "local": "On this machine alone.",
}
_COLOURS: Final = {"production": "#1d3c6e", "development": "#e3a920", "local": "#23705f", "other": "#6d4180"}


@dataclass(frozen=True, slots=True)
class Look:
    """An environment, as people see it.

    Attributes:
        environment: its name.
        version: of the server.
        release: it was started from, where known.
        protected: whether people rely on its data.
        origin: where its data came from, if from another environment.
        rehearsal: whether it is a trial on a copy.
    """

    environment: str
    version: str
    release: str | None = None
    protected: bool = False
    origin: CameFrom | None = None
    rehearsal: bool = False

    @property
    def tone(self) -> str:
        """Which colours: ``production``, ``development``, ``local`` or ``other``."""
        return _TONES.get(self.environment, "production" if self.protected else "other")

    @property
    def says(self) -> str:
        """What to know before one touches anything."""
        if self.rehearsal:
            return "A rehearsal on a copy of data. It is thrown away."
        return _SAYS.get(self.environment, _SAYS["production"] if self.protected else "An environment of its own.")

    @property
    def colour(self) -> str:
        """For what browsers draw around a page."""
        return _COLOURS[self.tone]

    @property
    def has_banner(self) -> bool:
        """Whether a page says so in so many words."""
        return not self.protected or self.origin is not None or self.rehearsal
