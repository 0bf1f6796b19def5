"""What tests of data in a database begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import Cluster
from tests.support.scratches import Berth, berth


@pytest.fixture
def here(postgres: Cluster, tmp_path: Path) -> Iterator[Berth]:
    """A data directory, and the database that it names."""
    with berth(postgres, tmp_path / "data") as made:
        yield made
