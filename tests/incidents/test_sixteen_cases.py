"""Sixteen things were wrong in the proposal itself, or happened afterwards: each has tests, which documents name."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = ("docs/incident.md", "docs/deploy.md")
_ROW: Final = re.compile(r"^\| (\d+) \| [^|]+ \| ((?:`test_\w+`(?:, )?)+) \|$", re.MULTILINE)


def cases() -> dict[int, list[str]]:
    """The numbers of the cases, and the tests that are named for each."""
    found: dict[int, list[str]] = {}
    for document in DOCUMENTS:
        for number, tests in _ROW.findall((ROOT / document).read_text()):
            found.setdefault(int(number), []).extend(re.findall(r"`(test_\w+)`", tests))
    return found


def names_of_tests() -> set[str]:
    """Every test that there is."""
    files = [file for file in (ROOT / "tests").rglob("test_*.py") if "node_modules" not in file.parts]
    trees = [ast.parse(file.read_bytes()) for file in files]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, functions)}


def test_each_of_the_sixteen_cases_names_a_test_that_is_there() -> None:
    found = cases()
    assert sorted(found) == list(range(1, 17))
    missing = {test for tests in found.values() for test in tests} - names_of_tests()
    assert not missing
