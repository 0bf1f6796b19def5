"""A site for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.site import Served, served


@pytest.fixture
async def site() -> AsyncIterator[Served]:
    """The whole HTTP port, in process."""
    async with served() as one:
        yield one
