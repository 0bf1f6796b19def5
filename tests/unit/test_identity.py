"""Whose data a directory holds, and what a server refuses to open."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from homeport.contract import BEGINNING_FILE, IDENTITY_FILE, LOCK_FILE, ExitCode
from homeport.datalock import DataLock, LockHolder
from homeport.errors import CannotStartError
from homeport.identity import (
    check_owner,
    find_foreign,
    new_identity,
    open_data_directory,
    prove_writable,
    read_identity,
    unwritable,
    write_identity,
)

THEN = datetime(2026, 10, 2, 6, 15, tzinfo=UTC)


def identity_of(environment: str, **other: str) -> dict[str, str]:
    identity = new_identity(environment, now=lambda: THEN, new_id=lambda: "an-id")
    return {**{key: str(value) for key, value in identity.items()}, **other}


def stamp(directory: Path, content: object) -> None:
    (directory / IDENTITY_FILE).write_text(content if isinstance(content, str) else json.dumps(content))


def refusal(directory: Path, environment: str = "production") -> CannotStartError:
    before = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else None
    with pytest.raises(CannotStartError) as caught, open_data_directory(directory, environment):
        pytest.fail("it was opened")
    assert (sorted(path.name for path in directory.iterdir()) if directory.is_dir() else None) == before
    assert caught.value.exit_code == ExitCode.CANNOT_START
    assert "\n" not in caught.value.sentence
    return caught.value


def test_an_empty_directory_becomes_the_environments_own(tmp_path: Path) -> None:
    with open_data_directory(tmp_path, "production", now=lambda: THEN, new_id=lambda: "an-id") as identity:
        assert identity == identity_of("production")
    assert json.loads((tmp_path / IDENTITY_FILE).read_text()) == {
        "application": "homeport",
        "environment": "production",
        "id": "an-id",
        "created": "2026-10-02T06:15:00+00:00",
    }


def test_its_own_data_are_opened_again_under_the_same_identity(tmp_path: Path) -> None:
    with open_data_directory(tmp_path, "production") as first:
        pass
    with open_data_directory(tmp_path, "production") as second:
        assert second == first


def test_productions_data_are_not_opened_by_development(tmp_path: Path) -> None:
    stamp(tmp_path, identity_of("production"))
    error = refusal(tmp_path, "development")
    assert error.sentence == f"{tmp_path} holds data of production, not of development."
    assert error.details["found"] == identity_of("production")


def test_data_of_another_application_are_not_opened(tmp_path: Path) -> None:
    stamp(tmp_path, identity_of("production", application="mcp-coordination"))
    assert "holds data of the application mcp-coordination, not of homeport" in refusal(tmp_path).sentence


def test_an_identity_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    stamp(tmp_path, '{"application": "homeport",')
    assert f"{tmp_path / IDENTITY_FILE} is not valid JSON" in refusal(tmp_path).sentence


@pytest.mark.parametrize("content", [[], {}, "null", {**identity_of("production"), "id": 3}, identity_of("")])
def test_an_identity_file_that_lacks_something_is_named(tmp_path: Path, content: object) -> None:
    stamp(tmp_path, content)
    assert "must be a JSON object with the texts application, environment, id, created" in refusal(tmp_path).sentence


def test_an_identity_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / IDENTITY_FILE).write_bytes(b"\xff\xff")
    assert "is not UTF-8 text" in refusal(tmp_path).sentence


def test_an_identity_that_is_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / IDENTITY_FILE).mkdir()
    assert "cannot be read: Is a directory (EISDIR)" in refusal(tmp_path).sentence


def test_what_nobody_has_claimed_is_not_taken_over(tmp_path: Path) -> None:
    for name in ("instances.json", "messages", ".hidden"):
        (tmp_path / name).mkdir()
    error = refusal(tmp_path)
    assert "is not empty and has no identity.json" in error.sentence
    assert "it holds .hidden, instances.json, messages." in error.sentence
    assert error.hint.startswith(f"Import it (homeport data import json-v1 {tmp_path} production)")


def test_of_many_foreign_files_a_few_are_named(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}").touch()
    assert "it holds 0, 1, 2, 3, 4 and 4 more." in refusal(tmp_path).sentence


def test_what_an_interrupted_start_or_a_new_disk_leaves_is_not_foreign(tmp_path: Path) -> None:
    written = (f".{name}.x8.tmp" for name in (BEGINNING_FILE, IDENTITY_FILE))
    for name in (LOCK_FILE, "lost+found", ".homeport-probe.12", *written):
        (tmp_path / name).touch()
    assert find_foreign(tmp_path) == []
    with open_data_directory(tmp_path, "production"):
        pass


def test_a_missing_directory_is_not_made(tmp_path: Path) -> None:
    error = refusal(tmp_path / "data")
    assert error.sentence == f"{tmp_path / 'data'} does not exist: No such file or directory (ENOENT)."
    assert "is its disk mounted?" in error.hint


def test_a_file_in_place_of_the_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert "Not a directory (ENOTDIR)" in refusal(tmp_path / "data").sentence


def test_a_second_server_on_the_same_data_is_refused_by_name(tmp_path: Path) -> None:
    holder = LockHolder(4711, "homeport serve production", "2026-10-02T06:15:00+00:00")
    with open_data_directory(tmp_path, "production", holder=holder):
        assert "is in use by process 4711 (homeport serve production) since 2026" in refusal(tmp_path).sentence


def test_of_two_that_start_at_once_on_an_empty_directory_one_owns_it(tmp_path: Path) -> None:
    gate = threading.Barrier(8)
    outcomes: list[str] = []
    over = threading.Barrier(8)

    def start(environment: str) -> None:
        gate.wait(10)
        try:
            with open_data_directory(tmp_path, environment):
                outcomes.append(environment)
                over.wait(10)
        except CannotStartError:
            over.wait(10)

    threads = [threading.Thread(target=start, args=(f"env{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    found = read_identity(tmp_path)
    assert found is not None
    assert outcomes == [found["environment"]]


def test_looking_at_the_owner_writes_nothing(tmp_path: Path) -> None:
    assert check_owner(tmp_path, "production") is None
    assert not list(tmp_path.iterdir())


def test_a_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    prove_writable(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EROFS, "is on a read-only file system: Read-only file system (EROFS)"),
        (errno.EACCES, "may not be written by the user "),
        (errno.EPERM, "may not be written by the user "),
        (errno.ENOSPC, "is on a full file system: No space left on device (ENOSPC)"),
        (errno.EDQUOT, "is on a full file system: Disk quota exceeded (EDQUOT)"),
        (errno.EIO, "cannot be written: Input/output error (EIO)"),
    ],
)
def test_the_causes_of_an_unwritable_directory_are_told_apart(number: int, sentence: str) -> None:
    error = unwritable(Path("/srv/data"), OSError(number, os.strerror(number)))
    assert error.sentence.startswith(f"/srv/data {sentence}")
    assert error.details["errno"] == errno.errorcode[number]
    assert error.hint


def test_a_write_that_fails_after_the_lock_was_taken_is_told_and_frees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("homeport.identity.write_identity", full)
    with pytest.raises(CannotStartError, match="full file system"), open_data_directory(tmp_path, "production"):
        pass
    DataLock.take(tmp_path).release()


# The three causes for real, on mounts of the test's own and as a user of its own.

TRYING = (
    "import sys, os; from pathlib import Path; from homeport.identity import open_data_directory\n"
    "if len(sys.argv) > 2: os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
    "from homeport.errors import CannotStartError\n"
    "try:\n"
    "    with open_data_directory(Path(sys.argv[1]), 'production'): print('opened')\n"
    "except CannotStartError as error: print(error.sentence)\n"
)


def may_mount() -> bool:
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


needs_mounts = pytest.mark.skipif(not may_mount(), reason="needs root and mounts of its own (unshare --mount)")


def on_a_mount(directory: Path, options: str, then: str = ":") -> str:
    script = f'mount -t tmpfs -o "$1" none "$2" && {then} && exec "$3" -c "$4" "$2"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", options, str(directory), sys.executable, TRYING],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@needs_mounts
def test_a_read_only_disk_is_called_that(tmp_path: Path) -> None:
    assert on_a_mount(tmp_path, "ro").startswith(f"{tmp_path} is on a read-only file system")


@needs_mounts
def test_a_full_disk_is_called_that(tmp_path: Path) -> None:
    full = 'dd if=/dev/zero of="$2/lost+found" bs=4096 2>/dev/null; true'
    assert on_a_mount(tmp_path, "size=16k", full).startswith(f"{tmp_path} is on a full file system")


@needs_mounts
def test_a_writable_mount_is_opened(tmp_path: Path) -> None:
    assert on_a_mount(tmp_path, "size=64k") == "opened\n"


def test_a_directory_of_another_user_is_called_that() -> None:
    # Not tmp_path: another user may not even look into that.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        arguments = [name, "as nobody"] if os.geteuid() == 0 else [name]
        done = subprocess.run([sys.executable, "-c", TRYING, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{name} may not be written by the user ")
    assert "(EACCES)" in done.stdout


def test_a_stamp_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    identity = new_identity("local")
    write_identity(tmp_path, identity)
    assert read_identity(tmp_path) == identity
    assert len(identity["id"]) == 36
