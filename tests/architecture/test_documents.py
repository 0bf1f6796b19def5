"""What documents say of the source itself: tests that they name are there, and so are the doctor's findings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

import pytest

from homeport.environments.doctor.finding import Kind

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_NAMED: Final = re.compile(r"`(test_\w+)`")
_DEFINED: Final = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


def defined_tests() -> set[str]:
    return {name for file in (ROOT / "tests").rglob("test_*.py") for name in _DEFINED.findall(file.read_text("utf-8"))}


def named_tests() -> Iterator[object]:
    for document in DOCUMENTS:
        names = sorted(set(_NAMED.findall(document.read_text("utf-8"))))
        if names:
            yield pytest.param(names, id=document.name)


@pytest.mark.parametrize("names", list(named_tests()))
def test_every_test_that_a_document_names_is_there(names: list[str]) -> None:
    assert not set(names) - defined_tests()


def test_every_finding_of_the_doctor_is_in_its_document_with_its_test() -> None:
    text = (ROOT / "docs" / "doctor.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| .+ \| `test_\w+` \|$", text, re.MULTILINE)
    assert sorted(rows) == sorted(get_args(Kind))
