"""The day, by the clients that people use, on a real server with a real disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.interop.client import Agent, Connect
from tests.interop.day import Day, the_next_morning, until_the_evening
from tests.interop.kinds import teams
from tests.interop.workspace import Homeport

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("one", "other"), teams())
async def test_two_agents_work_a_whole_day_and_go_on_after_a_restart(
    homeport: Homeport, one: Connect, other: Connect
) -> None:
    async with one(homeport) as stays:
        async with other(homeport) as leaves:
            day = Day(Agent(stays), Agent(leaves))
            await until_the_evening(day)
        await homeport.restart()
        async with other(homeport) as comes_back:
            await the_next_morning(replace(day, bob=Agent(comes_back)))
