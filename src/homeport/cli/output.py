"""How commands speak: results on stdout, everything else on stderr, for people or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from homeport.errors import HomeportError


def say(text: str = "") -> None:
    """A line of a result, on stdout."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def tell(text: str) -> None:
    """A line about what goes on, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def print_json(value: object) -> None:
    """One JSON value as a line of a result."""
    say(json.dumps(value, ensure_ascii=False))


def print_error(error: HomeportError, *, as_json: bool) -> None:
    """One line that says what is wrong, the faults where there are several, how things stand, and the hint; or JSON."""
    if as_json:
        tell(json.dumps({"error": error.as_json()}, ensure_ascii=False, default=str))
        return
    tell(f"homeport: {error.sentence}")
    faults = error.details.get("faults")
    if isinstance(faults, list) and len(faults) > 1:
        for fault in faults:
            tell(f"  {fault['path']}: {fault['text']}")
    state = error.details.get("state")
    for line in state if isinstance(state, list) else ():
        tell(f"  {line}")
    if error.hint:
        tell(f"  {error.hint}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns, two spaces apart, without a line end."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
