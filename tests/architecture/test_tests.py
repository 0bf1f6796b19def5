"""What holds for tests themselves: names that are sentences, and waits that end."""

from __future__ import annotations

import ast
from typing import Final

from tests.architecture.source import functions, parse, python_files

# Pausing is allowed in the bounded waits alone.
MAY_SLEEP: Final = "tests/support/waiting.py"


def test_every_test_has_a_sentence_for_its_name() -> None:
    short = [
        f"{path}:{node.lineno} {node.name}"
        for path in python_files("tests")
        if path.name.startswith("test_")
        for node in functions(parse(path))
        if node.name.startswith("test_") and len([word for word in node.name.split("_")[1:] if word]) < 3
    ]
    assert not short, "say what holds, in at least three words:\n" + "\n".join(short)


def test_no_test_sleeps_for_a_fixed_time() -> None:
    sleepers = [
        f"{path}:{node.lineno} {ast.unparse(node)}"
        for path in python_files("tests")
        if str(path) != MAY_SLEEP
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and _sleeps(node)
    ]
    assert not sleepers, "wait for a condition (tests/support/waiting.py):\n" + "\n".join(sleepers)


def _sleeps(call: ast.Call) -> bool:
    """A sleep of zero only lets others run."""
    is_sleep = ast.unparse(call.func).split(".")[-1] == "sleep"
    return is_sleep and not (call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0)
