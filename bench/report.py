"""Figures, targets, and how they are shown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

CPU: Final = "CPU us"
"""The name of a figure's microseconds of processor time for each answer."""


@dataclass(frozen=True)
class Figure:
    """One thing measured in several rounds.

    Attributes:
        case: which case measured it.
        what: what was done, the same text for all who did it.
        who: the server.
        unit: of the values; ``/s`` is better when larger, all others when smaller.
        values: one for each round.
        more: further medians of the same rounds, by name.
    """

    case: str
    what: str
    who: str
    unit: str
    values: tuple[float, ...]
    more: dict[str, float] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The middle value of the rounds."""
        return statistics.median(self.values)


@dataclass(frozen=True)
class Target:
    """A target of the design and what came out; printed and never asserted."""

    what: str
    wanted: str
    got: float
    met: bool


@dataclass
class Outcome:
    """What a case found, and whom it could not measure."""

    figures: list[Figure] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def find(self, what: str, who: str) -> Figure | None:
        """The figure of somebody, where there is one."""
        return next((one for one in self.figures if one.what == what and one.who == who), None)

    def at_least(self, what: str, got: float | None, wanted: float, unit: str = "") -> None:
        """Notes a target that a value must reach; nothing where it was not measured."""
        if got is not None:
            self.targets.append(Target(what, f">= {wanted:g}{unit}", got, got >= wanted))

    def at_most(self, what: str, got: float | None, wanted: float, unit: str = "") -> None:
        """Notes a target that a value must not exceed; nothing where it was not measured."""
        if got is not None:
            self.targets.append(Target(what, f"<= {wanted:g}{unit}", got, got <= wanted))

    def times(self, what: str, who: str, other: str) -> float | None:
        """How many times as much of it somebody does as another."""
        one, two = self.find(what, who), self.find(what, other)
        return one.median / two.median if one and two and two.median else None

    def sparing(self, what: str, who: str, other: str) -> float | None:
        """How many times as much processor time another takes for it as somebody."""
        one, two = self.find(what, who), self.find(what, other)
        return two.more[CPU] / one.more[CPU] if one and two and one.more.get(CPU) and two.more.get(CPU) else None

    def add(self, other: Outcome) -> None:
        """Takes over what another case found."""
        self.figures += other.figures
        self.targets += other.targets
        self.failures += other.failures


def table(figures: Sequence[Figure]) -> str:
    """The figures of one case; the first of those that did the same is what the others are compared with."""
    rows = [("", "", "median", "min - max", "beside the first", "")]
    first: Figure | None = None
    for one in figures:
        fresh = first is None or one.what != first.what
        if fresh:
            first = one
        assert first is not None  # noqa: S101 - the line above
        beside = "" if fresh else _beside(first, one)
        spread = f"{_number(min(one.values))} - {_number(max(one.values))}"
        more = ", ".join(f"{name} {_number(value)}" for name, value in one.more.items())
        rows.append((one.what if fresh else "", one.who, f"{_number(one.median)} {one.unit}", spread, beside, more))
    return aligned(rows)


def target_table(targets: Iterable[Target]) -> str:
    """The targets, each with what came out."""
    rows = [("target", "wanted", "got", "")]
    rows += [(one.what, one.wanted, _number(one.got), "met" if one.met else "MISSED") for one in targets]
    return aligned(rows)


def as_json(outcome: Outcome, machine: dict[str, Any]) -> dict[str, Any]:
    """All of it for programs."""
    figures = [
        {
            "case": one.case,
            "what": one.what,
            "who": one.who,
            "unit": one.unit,
            "median": one.median,
            "values": list(one.values),
            **({"more": one.more} if one.more else {}),
        }
        for one in outcome.figures
    ]
    targets = [{"what": one.what, "wanted": one.wanted, "got": one.got, "met": one.met} for one in outcome.targets]
    return {"machine": machine, "figures": figures, "targets": targets, "failures": outcome.failures}


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines, columns below each other."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _beside(first: Figure, one: Figure) -> str:
    """How the first does in comparison, in words that need no sign."""
    if not one.median or not first.median:
        return ""
    better = first.median / one.median if one.unit == "/s" else one.median / first.median
    cpu = ""
    if one.unit == "/s" and first.more.get(CPU) and one.more.get(CPU):
        # What a neighbour's load does to rates it does not do to processor time.
        cpu = f" (CPU {one.more[CPU] / first.more[CPU]:.1f} x)"
    return f"{better:.2f} x{cpu}" if better < 1 else f"{better:.1f} x{cpu}"


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
