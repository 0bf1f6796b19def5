"""The lock on a data directory: one holder, named, and never stale."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from homeport.contract import LOCK_FILE, MIGRATING_FILE, ExitCode
from homeport.datalock import DataLock, LockHolder, find_holder, is_migrating, migrating, this_process
from homeport.errors import CannotStartError

ME = LockHolder(4711, "homeport serve production", "2026-10-02T06:15:00+00:00")
HOLDING = (
    "import signal, sys; from pathlib import Path; from homeport.datalock import DataLock; "
    "lock = DataLock.take(Path(sys.argv[1])); print('held', flush=True); signal.pause()"
)


def test_a_second_one_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with DataLock.take(tmp_path, ME), pytest.raises(CannotStartError) as caught:
        DataLock.take(tmp_path)
    assert caught.value.sentence == (
        f"{tmp_path} is in use by process 4711 (homeport serve production) since 2026-10-02T06:15:00+00:00."
    )
    assert caught.value.exit_code == ExitCode.CANNOT_START


def test_it_is_free_again_after_release_and_the_file_names_nobody(tmp_path: Path) -> None:
    lock = DataLock.take(tmp_path, ME)
    lock.release()
    lock.release()
    assert (tmp_path / LOCK_FILE).read_text() == ""
    DataLock.take(tmp_path).release()


def test_a_killed_holder_leaves_no_stale_lock(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        holder = find_holder(tmp_path)
        with pytest.raises(CannotStartError, match=f"in use by process {other.pid} "):
            DataLock.take(tmp_path)
        other.send_signal(signal.SIGKILL)
    assert holder is not None
    assert holder.pid == other.pid
    assert (tmp_path / LOCK_FILE).read_text()
    assert find_holder(tmp_path) is None
    DataLock.take(tmp_path).release()


def test_that_data_are_migrated_is_seen_for_as_long_as_it_lasts_also_by_who_may_only_read(tmp_path: Path) -> None:
    assert not is_migrating(tmp_path)
    with migrating(tmp_path):
        (tmp_path / MIGRATING_FILE).chmod(0o444)
        assert is_migrating(tmp_path)
        assert is_migrating(tmp_path)
    assert not is_migrating(tmp_path)


def test_the_text_of_an_unheld_lock_means_nothing(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text('{"pid": 1, "command": "init", "since": "ever"}')
    assert find_holder(tmp_path) is None
    DataLock.take(tmp_path).release()


def test_a_holder_that_has_not_said_who_it_is_is_refused_all_the_same(tmp_path: Path) -> None:
    with DataLock.take(tmp_path):
        (tmp_path / LOCK_FILE).write_text("half a li")
        with pytest.raises(CannotStartError, match="another process, which has not yet said who it is"):
            DataLock.take(tmp_path)
        assert find_holder(tmp_path) == LockHolder(0, "unknown", "just now")


def test_looking_for_a_holder_creates_nothing(tmp_path: Path) -> None:
    assert find_holder(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_a_process_describes_itself_with_its_whole_command() -> None:
    found = this_process(lambda: datetime(2026, 10, 2, tzinfo=UTC))
    assert found.pid == os.getpid()
    assert found.command
    assert found.since == "2026-10-02T00:00:00+00:00"
