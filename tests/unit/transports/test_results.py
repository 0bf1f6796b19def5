"""The line beside structured content, and the instructions."""

from __future__ import annotations

from typing import Any

import pytest

from homeport.transports.listing import instructions
from homeport.transports.results import summary


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ({"tasks": [1, 2, 3], "total": 3}, "get: tasks (3), total 3. See structuredContent."),
        ({"task": {"id": "x"}, "is_new": True}, "get: task, is_new true. See structuredContent."),
        ({}, "get: done. See structuredContent."),
        ({f"k{n}": "x" * 999 for n in range(40)}, None),
    ],
)
def test_the_line_says_what_an_answer_holds_and_stays_short(answer: dict[str, Any], line: str | None) -> None:
    assert line is None or summary("get", answer) == line
    assert len(summary("get", answer)) < 200


@pytest.mark.parametrize("protected", [True, False])
def test_the_instructions_are_not_cut_by_clients_and_name_the_environment(protected: bool) -> None:
    text = instructions("production", protected=protected)
    assert len(text.encode()) <= 2048
    assert "production" in text
    assert ("live data" in text) == protected
    assert "bootstrap" in text
