"""What tests of data in a database begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport import server
from tests.support.postgres import Cluster
from tests.support.scratches import Berth, berth
from tests.support.written import PRIVATE, content_of, found_in


@pytest.fixture
def here(postgres: Cluster, tmp_path: Path) -> Iterator[Berth]:
    """A data directory, and the database that it names."""
    with berth(postgres, tmp_path / "data") as made:
        yield made


@pytest.fixture
def copy(here: Berth, tmp_path: Path) -> Path:
    """A snapshot in which something of everything is."""
    server.take_snapshot(here.directory, "production", tmp_path / "copy", here.database)
    content = content_of(tmp_path / "copy")
    assert set(found_in(content, (*PRIVATE, *here.written.secrets))) == {*PRIVATE, *here.written.secrets}
    return tmp_path / "copy"
