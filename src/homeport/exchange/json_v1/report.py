"""What an import or an export did, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from homeport.coordination.values import JsonObject

NOUNS: Final = ("instances", "projects", "tasks", "messages", "lessons", "submissions", "roles", "documents")
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Odd:
    """Something unusual: where, what, and what became of it.

    ``noun`` is one of :data:`NOUNS` or ``files``. Oddities of one ``consequence`` are shown together.
    """

    noun: str
    path: str
    what: str
    consequence: str


@dataclass(slots=True)
class Count:
    """How many records of a noun: every one that was read is in exactly one of the other three."""

    read: int = 0
    imported: int = 0
    already_there: int = 0
    left_alone: int = 0


@dataclass(slots=True)
class Report:
    """The counts and what was odd. ``action`` is ``import`` or ``export``."""

    action: str
    counts: dict[str, Count] = field(default_factory=lambda: {noun: Count() for noun in NOUNS})
    odd: list[Odd] = field(default_factory=list)
    files: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was imported."""
        return any(count.imported for count in self.counts.values())

    def as_json(self) -> JsonObject:
        """``{action, files, counts: {noun: {read, …, odd}}, odd: [{noun, path, what, consequence}]}``."""
        return {
            "action": self.action,
            "files": self.files,
            "counts": {noun: self._count(noun, count) for noun, count in self.counts.items()},
            "odd": [
                {"noun": one.noun, "path": one.path, "what": one.what, "consequence": one.consequence}
                for one in self.odd
            ],
        }

    def lines(self) -> list[str]:
        """The report as text: a table, then the oddities grouped by what became of them."""
        return [*self._table(), *self._oddities()]

    def _count(self, noun: str, count: Count) -> JsonObject:
        odd = sum(1 for one in self.odd if one.noun == noun)
        if self.action == "export":
            return {"written": count.read}
        return {
            "read": count.read,
            "imported": count.imported,
            "already_there": count.already_there,
            "left_alone": count.left_alone,
            "odd": odd,
        }

    def _table(self) -> list[str]:
        if self.action == "export":
            return [f"{self.files} files", *(f"{c.read:>8} {noun}" for noun, c in self.counts.items())]
        head = f"{'':<12}{'read':>9}{'imported':>10}{'already there':>15}{'left alone':>12}"
        rows = [
            f"{noun:<12}{c.read:>9}{c.imported:>10}{c.already_there:>15}{c.left_alone:>12}"
            for noun, c in self.counts.items()
        ]
        nothing = [] if self.changed else ["Nothing is new: nothing was changed."]
        return [head, *rows, *nothing]

    def _oddities(self) -> list[str]:
        groups: dict[tuple[str, str], list[Odd]] = {}
        for one in self.odd:
            groups.setdefault((one.noun, one.consequence), []).append(one)
        if not groups:
            return []
        lines = ["", f"What was odd ({len(self.odd)}):"]
        for (noun, consequence), members in groups.items():
            lines.append(f"  {len(members)} x {noun}: {consequence}")
            lines += [f"    {one.path}: {one.what}" for one in members[:_SHOWN]]
            if len(members) > _SHOWN:
                lines.append(f"    and {len(members) - _SHOWN} more (--json lists all)")
        return lines
