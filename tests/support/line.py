"""A wire between servers of one process: what several servers of a database have, without a database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count


@dataclass
class Line:
    """Joins its ends; cut, nothing comes through."""

    ends: list[End] = field(default_factory=list)
    is_cut: bool = False
    _names: count[int] = field(default_factory=lambda: count(1))

    def end(self) -> End:
        """One server's."""
        made = End(self, f"server{next(self._names)}")
        self.ends.append(made)
        return made

    def mend(self) -> None:
        """Comes through again, and everybody is told that something may have been missed."""
        self.is_cut = False
        for one in self.ends:
            for _, missed in one.listeners:
                missed()


@dataclass
class End:
    """See :class:`homeport.transports.others.Wire`."""

    line: Line
    me: str
    listeners: list[tuple[Callable[[str], None], Callable[[], None]]] = field(default_factory=list)

    def hear(self, heard: Callable[[str], None], missed: Callable[[], None]) -> None:
        self.listeners.append((heard, missed))

    async def tell(self, text: str) -> None:
        # As from another process: never within the call that tells it.
        await asyncio.sleep(0)
        for one in () if self.line.is_cut else self.line.ends:
            if one is not self:
                for heard, _ in one.listeners:
                    heard(text)
