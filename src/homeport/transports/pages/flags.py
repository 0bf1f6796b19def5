"""The twenty-six letter flags of the international code of signals, drawn on a square of twelve."""

from __future__ import annotations

from itertools import accumulate
from typing import Final

from markupsafe import Markup

_COLOURS: Final = {"r": "#c23b31", "b": "#24589f", "y": "#efc02e", "k": "#20262b", "w": "#fbfaf5"}


def _box(colour: str, x: float, y: float, width: float, height: float) -> str:
    return f'<path fill="{_COLOURS[colour]}" d="M{x:g} {y:g}h{width:g}v{height:g}h-{width:g}z"/>'


def _shape(colour: str, points: str) -> str:
    return f'<path fill="{_COLOURS[colour]}" d="M{points}z"/>'


def _rows(*stripes: str) -> str:
    """Stripes across, each as high as its letter is repeated."""
    unit = 12 / sum(map(len, stripes))
    starts = accumulate(map(len, stripes), initial=0)
    return "".join(_box(one[0], 0, at * unit, 12, len(one) * unit) for at, one in zip(starts, stripes, strict=False))


def _columns(*stripes: str) -> str:
    unit = 12 / len(stripes)
    return "".join(_box(one, number * unit, 0, unit, 12) for number, one in enumerate(stripes))


def _nested(*colours: str) -> str:
    step = 6 / len(colours)
    return "".join(_box(one, n * step, n * step, 12 - 2 * n * step, 12 - 2 * n * step) for n, one in enumerate(colours))


def _cross(ground: str, colour: str) -> str:
    return _box(ground, 0, 0, 12, 12) + _box(colour, 4.5, 0, 3, 12) + _box(colour, 0, 4.5, 12, 3)


def _saltire(ground: str, colour: str) -> str:
    cross = "0 0h2.4L6 3.6 9.6 0H12v2.4L8.4 6 12 9.6V12H9.6L6 8.4 2.4 12H0V9.6L3.6 6 0 2.4"
    return _box(ground, 0, 0, 12, 12) + _shape(colour, cross)


def _quarters(first: str, second: str) -> str:
    return _box(first, 0, 0, 12, 12) + _box(second, 6, 0, 6, 6) + _box(second, 0, 6, 6, 6)


_CHECKS: Final = "".join(_box("b", 3 * x, 3 * y, 3, 3) for x in range(4) for y in range(4) if (x + y) % 2 == 0)
_DIAGONALS: Final = "".join(_shape("r", f"{4 * n} 0h2l-24 24h-2") for n in range(1, 8))

_FLAGS: Final = {
    "a": _box("w", 0, 0, 6, 12) + _shape("b", "6 0h6L9.5 6 12 12H6"),
    "b": _shape("r", "0 0h12L9 6l3 6H0"),
    "c": _rows(*"bwrwb"),
    "d": _rows("y", "bb", "y"),
    "e": _rows(*"br"),
    "f": _box("w", 0, 0, 12, 12) + _shape("r", "6 0l6 6-6 6-6-6"),
    "g": _columns(*"ybybyb"),
    "h": _columns(*"wr"),
    "i": _box("y", 0, 0, 12, 12) + f'<circle fill="{_COLOURS["k"]}" cx="6" cy="6" r="3.2"/>',
    "j": _rows(*"bwb"),
    "k": _columns(*"yb"),
    "l": _quarters("y", "k"),
    "m": _saltire("b", "w"),
    "n": _box("w", 0, 0, 12, 12) + _CHECKS,
    "o": _box("r", 0, 0, 12, 12) + _shape("y", "0 0l12 12H0"),
    "p": _nested("b", "w"),
    "q": _box("y", 0, 0, 12, 12),
    "r": _cross("r", "y"),
    "s": _nested("w", "b"),
    "t": _columns(*"rwb"),
    "u": _quarters("r", "w"),
    "v": _saltire("w", "r"),
    "w": _nested("b", "w", "r"),
    "x": _cross("w", "b"),
    "y": _box("y", 0, 0, 12, 12) + _DIAGONALS,
    "z": _shape("y", "0 0h12L6 6")
    + _shape("b", "12 0v12L6 6")
    + _shape("r", "12 12H0l6-6")
    + _shape("k", "0 12V0l6 6"),
}


def letter_of(name: str) -> str:
    """The letter whose flag a name flies: its first that has one."""
    return next((one for one in name.casefold() if one in _FLAGS), "q")


def flag(name: str, size: str = "") -> Markup:
    """The flag of a name as part of a page; for the eye alone, since the name stands beside it.

    Args:
        name: whose.
        size: a class: ``small``, ``large`` or none.
    """
    shapes = _FLAGS[letter_of(name)]
    drawn = f'<svg class="flag {size}" viewBox="0 0 12 12" aria-hidden="true" focusable="false">{shapes}</svg>'
    return Markup(drawn)  # noqa: S704 - nothing in it comes from outside


def favicon(name: str) -> bytes:
    """The flag as a file, with a thin edge that shows on light and dark tabs."""
    shapes = _FLAGS[letter_of(name)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 12 12"><defs><clipPath id="c">'
        '<rect width="12" height="12" rx="2.4"/></clipPath></defs>'
        f'<g clip-path="url(#c)">{shapes}</g>'
        '<rect x=".25" y=".25" width="11.5" height="11.5" rx="2.2" fill="none" stroke="#20262b" stroke-opacity=".45" '
        'stroke-width=".5"/></svg>'
    ).encode()
