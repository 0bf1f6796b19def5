"""The long form of the snapshots of tests/server: more writes between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.running import running, workspace
from tests.support.snapshots import snapshots_under_load

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


async def test_20_snapshots_while_18000_messages_are_sent(tmp_path: Path) -> None:
    """Three hundred a second for a minute are that many; they come as fast as they are taken."""
    place = workspace(tmp_path)
    with running(place):
        await snapshots_under_load(place, tmp_path, 20, writes_between=900)
