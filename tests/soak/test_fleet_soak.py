"""Three servers and one PostgreSQL behind nginx, and an hour of everything that happens to machines."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.fleet import Fleet, Race, fleet
from tests.support.namespaces import why_not
from tests.support.waiting import until

pytestmark = [
    pytest.mark.soak,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nginx,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


def exchanged(servers: Fleet, number: int) -> None:
    """Killed, and started again."""
    servers.servers[number].kill()
    servers.start(number)
    until(lambda: servers.is_well(number), within=60)


def plugged(servers: Fleet, number: int, *, pulled: bool) -> None:
    """Its cable pulled or plugged in."""
    machine = servers.machines[number]
    machine.pull() if pulled else machine.plug_in()


def mishaps(servers: Fleet, chance: random.Random, rounds: int) -> list[Callable[[], None]]:
    """In every round each kind once, and at most one server is away at a time."""
    found: list[Callable[[], None]] = []
    for _ in range(rounds):
        cut = chance.randrange(len(servers.machines))
        found += [
            partial(exchanged, servers, chance.randrange(len(servers.machines))),
            partial(plugged, servers, cut, pulled=True),
            partial(plugged, servers, cut, pulled=False),
            *chance.sample([servers.restart_database, servers.kill_database, servers.freeze_database], 3),
        ]
    return found


@pytest.mark.parametrize("seed", range(5))
def test_an_hour_of_mishaps_loses_nothing_and_does_nothing_twice(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with fleet(tmp_path) as servers:
        race = Race(servers, steps=150, chance=chance)
        asyncio.run(race.run(mishaps(servers, chance, 10)))
