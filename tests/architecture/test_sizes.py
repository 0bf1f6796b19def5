"""Files and functions stay of a size that one reads in one go; a larger one is a sign that a noun is missing."""

from __future__ import annotations

from typing import Final

from tests.architecture.source import ROOT, functions, parse, python_files

LONGEST_FILE: Final = 400
LONGEST_FUNCTION: Final = 60

# Path, or path::function, with the reason that it is longer.
ALLOWED: Final[dict[str, str]] = {}


def test_no_file_is_longer_than_one_can_hold_in_mind() -> None:
    lengths = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in python_files()}
    too_long = [f"{path}: {n} lines" for path, n in lengths.items() if n > LONGEST_FILE and path not in ALLOWED]
    assert not too_long, "\n".join(too_long)


def test_no_function_is_longer_than_a_screen() -> None:
    too_long = [
        f"{path}:{node.lineno} {node.name}: {length} lines"
        for path in python_files()
        for node in functions(parse(path))
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
        and f"{path}::{node.name}" not in ALLOWED
    ]
    assert not too_long, "\n".join(too_long)


def test_no_exception_outlives_its_cause() -> None:
    present = {str(path) for path in python_files()}
    present |= {f"{path}::{node.name}" for path in python_files() for node in functions(parse(path))}
    assert not set(ALLOWED) - present
