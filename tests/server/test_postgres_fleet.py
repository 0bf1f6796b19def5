"""Three servers and one PostgreSQL on machines of their own, behind nginx: whatever happens, nothing is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fleet import Fleet, Race, fleet
from tests.support.namespaces import why_not

pytestmark = [
    pytest.mark.needs_postgres,
    pytest.mark.needs_nginx,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Fleet]:
    with fleet(tmp_path) as made:
        yield made


async def test_a_kill_a_cut_and_a_restart_of_the_database_lose_nothing_and_do_nothing_twice(servers: Fleet) -> None:
    race = Race(servers, steps=9, chance=random.Random(8))
    await race.run([servers.servers[0].kill, servers.machines[1].pull, servers.restart_database])
