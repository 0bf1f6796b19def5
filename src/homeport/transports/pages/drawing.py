"""What waits for what, as a picture: tasks in layers, those that wait for nothing first, and lines between them.

The method is that of K. Sugiyama: layers by the longest way, long lines led through every layer between, and within a
layer an order in which fewer lines cross.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

WIDTH: Final = 210
HEIGHT: Final = 52
_BEND: Final = 18
"""Height of the place at which a long line passes a layer."""
_ACROSS: Final = 70
_DOWN: Final = 16
_EDGE: Final = 12
_SWEEPS: Final = 6

Slot = tuple[str, int]
"""A name and a layer: that of a task, or one through which a line to it is led."""


@dataclass(frozen=True, slots=True)
class Box:
    """A task in the picture; ``x`` and ``y`` are those of its corner."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """From what is waited for to what waits, as the path of SVG."""

    before: str
    after: str
    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The picture, on a sheet of this size."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def drawn(waits_for: Mapping[str, Iterable[str]]) -> Drawing:
    """The picture of tasks and of what each waits for; names that are no task are left out, as are circles' ends.

    Args:
        waits_for: by task; the order is the one that is kept where nothing else decides.
    """
    ahead = {name: [one for one in dict.fromkeys(before) if one in waits_for] for name, before in waits_for.items()}
    layer_of = _layers(ahead)
    pairs = [(one, name) for name, before in ahead.items() for one in before if layer_of[one] < layer_of[name]]
    chains = [_chain(before, after, layer_of) for before, after in pairs]
    rows = _ordered(layer_of, chains)
    places = _placed(rows)
    boxes = tuple(Box(name, *places[name, layer]) for name, layer in layer_of.items())
    lines = tuple(
        Line(before, after, _path(chain, places)) for (before, after), chain in zip(pairs, chains, strict=True)
    )
    width = len(rows) * (WIDTH + _ACROSS) - _ACROSS + 2 * _EDGE
    height = max((_height(row) for row in rows), default=0) + 2 * _EDGE
    return Drawing(width, height, boxes, lines)


def _layers(ahead: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The longest way to each; a line that closes a circle does not count."""
    found: dict[str, int] = {}
    for first in ahead:
        open_ones: dict[str, None] = {}
        stack = [first]
        while stack:
            name = stack[-1]
            if name in found:
                stack.pop()
                continue
            open_ones[name] = None
            missing = [one for one in ahead[name] if one not in found and one not in open_ones]
            if missing:
                stack.extend(missing)
                continue
            found[name] = max((found[one] + 1 for one in ahead[name] if one in found), default=0)
            open_ones.pop(name, None)
            stack.pop()
    return {name: found[name] for name in ahead}


def _chain(before: str, after: str, layer_of: Mapping[str, int]) -> list[Slot]:
    """Where a line goes, layer by layer."""
    start, end = layer_of[before], layer_of[after]
    between = [(f"{before}\n{after}", layer) for layer in range(start + 1, end)]
    return [(before, start), *between, (after, end)]


def _ordered(layer_of: Mapping[str, int], chains: Iterable[Sequence[Slot]]) -> list[list[Slot]]:
    """The layers, each in an order in which fewer lines cross."""
    rows: list[list[Slot]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for slot in layer_of.items():
        rows[slot[1]].append(slot)
    before: dict[Slot, list[Slot]] = {}
    after: dict[Slot, list[Slot]] = {}
    for chain in chains:
        for slot in chain[1:-1]:
            rows[slot[1]].append(slot)
        for one, next_one in pairwise(chain):
            before.setdefault(next_one, []).append(one)
            after.setdefault(one, []).append(next_one)
    for sweep in range(_SWEEPS):
        near = before if sweep % 2 == 0 else after
        at = {slot: place for row in rows for place, slot in enumerate(row)}
        for row in rows if sweep % 2 == 0 else reversed(rows):
            row.sort(key=lambda slot: _middle(slot, near, at))
            at.update((slot, place) for place, slot in enumerate(row))
    return rows


def _middle(slot: Slot, near: Mapping[Slot, Sequence[Slot]], at: Mapping[Slot, int]) -> float:
    neighbours = near.get(slot, ())
    return sum(at[one] for one in neighbours) / len(neighbours) if neighbours else at[slot]


def _tall(slot: Slot) -> int:
    return _BEND if "\n" in slot[0] else HEIGHT


def _height(row: Sequence[Slot]) -> float:
    return sum(map(_tall, row)) + _DOWN * (len(row) - 1)


def _placed(rows: Sequence[Sequence[Slot]]) -> dict[Slot, tuple[float, float]]:
    """Corners; each layer is in the middle of the sheet."""
    tallest = max(map(_height, rows), default=0)
    places: dict[Slot, tuple[float, float]] = {}
    for layer, row in enumerate(rows):
        y = _EDGE + (tallest - _height(row)) / 2
        for slot in row:
            places[slot] = (_EDGE + layer * (WIDTH + _ACROSS), y)
            y += _tall(slot) + _DOWN
    return places


def _path(chain: Sequence[Slot], places: Mapping[Slot, tuple[float, float]]) -> str:
    x, y = places[chain[0]]
    at = (x + WIDTH, y + HEIGHT / 2)
    path = f"M{at[0]:g} {at[1]:g}"
    for slot in chain[1:]:
        x, y = places[slot]
        middle = y + _tall(slot) / 2
        bend = (x - at[0]) / 2
        path += f"C{at[0] + bend:g} {at[1]:g} {x - bend:g} {middle:g} {x:g} {middle:g}"
        at = (x, middle)
        if "\n" in slot[0]:
            at = (x + WIDTH, middle)
            path += f"H{at[0]:g}"
    return path
