"""What a test has of its own: a site, a database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from homeport.contract import DatabaseAddress
from tests.support.postgres import ROLE, Cluster
from tests.support.site import Served, served


@pytest.fixture
async def site() -> AsyncIterator[Served]:
    """The whole HTTP port, in process."""
    async with served() as one:
        yield one


@pytest.fixture
def address(postgres: Cluster) -> Iterator[DatabaseAddress]:
    """An empty database, of a role that may make others beside it."""
    postgres.execute(f"ALTER ROLE {ROLE} CREATEDB")
    made = postgres.create()
    yield made
    postgres.drop_all(made)
