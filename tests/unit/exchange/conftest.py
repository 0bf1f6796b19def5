"""Fixtures of the exchange: empty records, and the sample imported into them."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.coordination.store import Records
from homeport.exchange.json_v1.report import Report
from tests.unit.exchange.trees import SAMPLE, imported, memory, on_disk


@pytest.fixture
def records() -> Records:
    return memory()


@pytest.fixture
def sample(records: Records, tmp_path: Path) -> Report:
    return imported(records, on_disk(SAMPLE), tmp_path / "sample")
