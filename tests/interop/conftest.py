"""A server process for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.workspace import Homeport, serving


@pytest.fixture
def homeport(tmp_path: Path) -> Iterator[Homeport]:
    """``homeport serve``, in a workspace of its own."""
    with serving(tmp_path) as one:
        yield one
