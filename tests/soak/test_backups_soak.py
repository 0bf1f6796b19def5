"""The long form of the backups under load of tests/server: a minute of 300 writes a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.running import running, workspace
from tests.support.snapshots import backups_under_load

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


async def test_20_backups_within_a_minute_of_300_writes_a_second_restore_without_a_gap(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    with running(place):
        reached = await backups_under_load(place, tmp_path, 20, rate=300, seconds=60)
    print(f"{reached:.0f} writes a second were acknowledged")  # noqa: T201 - what the figures are for
