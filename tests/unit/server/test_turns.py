"""Turns of servers that hand over, and the lock that they share."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from homeport import datalock
from homeport.datalock import DataLock, LockHolder, find_holder
from homeport.errors import CannotStartError
from homeport.server.turns import Turn, Turns

ME = LockHolder(os.getpid(), "blue", "now")


def test_the_first_accepts_the_second_stands_by_and_a_third_is_refused(tmp_path: Path) -> None:
    first, second, third = Turns(tmp_path), Turns(tmp_path), Turns(tmp_path)
    first.begin()
    second.begin()
    assert (first.accepting.is_mine, second.accepting.is_mine, second.standby.is_mine) == (True, False, True)
    with pytest.raises(CannotStartError, match="another one stands by"):
        third.begin()
    second.release()
    third.begin()
    first.release()
    third.release()


async def test_whoever_waits_gets_the_turn_and_makes_room_for_another(tmp_path: Path) -> None:
    first, second = Turns(tmp_path), Turns(tmp_path)
    first.begin()
    second.begin()
    waiting = asyncio.create_task(second.accept())
    first.accepting.release()
    await asyncio.wait_for(waiting, 10)
    assert second.accepting.is_mine
    assert Turn(tmp_path / "server.standby").take()
    second.release()


def test_a_lock_is_alone_until_it_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datalock, "_PATIENCE", 1)
    first = DataLock.take_or_share(tmp_path, ME)
    with pytest.raises(CannotStartError):
        DataLock.take_or_share(tmp_path)
    first.share()
    second = DataLock.take_or_share(tmp_path)
    assert (first.shared, second.shared) == (True, True)
    assert find_holder(tmp_path) == ME
    with pytest.raises(CannotStartError, match=r"in use by process \d+ \(blue\)"):
        DataLock.take(tmp_path)
    first.release()
    assert find_holder(tmp_path) is not None
    second.release()
    assert find_holder(tmp_path) is None
    DataLock.take(tmp_path).release()


def test_a_lock_that_is_left_keeps_the_successors_name(tmp_path: Path) -> None:
    first = DataLock.take_or_share(tmp_path, ME)
    first.share()
    second = DataLock.take_or_share(tmp_path)
    green = LockHolder(os.getpid() + 1, "green", "later")
    second.sign(green)
    first.release()
    assert find_holder(tmp_path) == green
    second.release()
