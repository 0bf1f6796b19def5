"""One suite over every kind of place, each at a real server."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from homeport.environments.backups.naming import backups_among
from homeport.host.archives.refusal import ArchiveError
from homeport.host.archives.verifying import verify_chunks
from homeport.host.places.directory import DirectoryPlace
from homeport.host.places.place import NotAtPlaceError, Place, PlaceError
from homeport.host.places.rclone import RclonePlace
from homeport.host.places.s3 import S3Access, S3Place
from homeport.host.places.sftp import SftpPlace, SshAccess
from homeport.secret import Secret
from tests.support.archives import make_tree, packed, record_of
from tests.support.storehouses import BUCKET, ObjectStore, SshServer, why_no_rclone

pytestmark = [pytest.mark.slow]

SECRET: Final = "s3cr3t-of-the-tests"


@dataclass(frozen=True)
class Harness:
    """A place, one that is not there, and where its files can be reached without it."""

    place: Place
    nowhere: Place
    directory: Path | None
    """None where they are in an object store."""


def _directory(top: Path, request: pytest.FixtureRequest) -> Harness:
    return Harness(DirectoryPlace(top / "there"), DirectoryPlace(top / "nowhere"), top / "there")


def _s3(top: Path, request: pytest.FixtureRequest) -> Harness:
    store: ObjectStore = request.getfixturevalue("objects")
    access = S3Access("key", Secret(SECRET), store.endpoint)
    return Harness(S3Place(BUCKET, f"{top.name}/pre fix", access), S3Place("no-such-bucket", "", access), None)


def _sftp(top: Path, request: pytest.FixtureRequest) -> Harness:
    server: SshServer = request.getfixturevalue("ssh")
    access = SshAccess("127.0.0.1", server.user, server.port, str(server.key), str(server.known_hosts))
    return Harness(SftpPlace(access, str(top / "there")), SftpPlace(access, str(top / "nowhere")), top / "there")


def _rclone(top: Path, request: pytest.FixtureRequest) -> Harness:
    if why_no_rclone():
        pytest.skip(str(why_no_rclone()))
    config = top / "rclone.conf"
    config.write_text(f"[there]\ntype = alias\nremote = {top}\n")
    return Harness(RclonePlace("there:there", str(config)), RclonePlace("nobody:nowhere", str(config)), top / "there")


KINDS: Final[dict[str, Callable[[Path, pytest.FixtureRequest], Harness]]] = {
    "directory": _directory,
    "s3": _s3,
    "sftp": _sftp,
    "rclone": _rclone,
}


@pytest.fixture(params=KINDS)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    (tmp_path / "there").mkdir()
    return KINDS[request.param](tmp_path, request)


@pytest.fixture
def place(harness: Harness) -> Place:
    return harness.place


def given(directory: Path, content: bytes) -> Path:
    file = directory / "given"
    file.write_bytes(content)
    return file


def read(place: Place, name: str) -> bytes:
    return b"".join(place.read(name))


@pytest.mark.parametrize("size", [0, 1, 32 * 1024, 20_000_003])
def test_what_is_put_there_is_read_back(place: Place, tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    told: list[int] = []
    place.put(given(tmp_path, content), "data.tar.zst", told.append)
    assert read(place, "data.tar.zst") == content
    assert [(one.name, one.size) for one in place.files()] == [("data.tar.zst", size)]
    assert sum(told) == size


def test_a_file_takes_the_place_of_one_of_its_name(place: Place, tmp_path: Path) -> None:
    place.put(given(tmp_path, b"the first, which is longer"), "record.json")
    place.put(given(tmp_path, b"the second"), "record.json")
    assert read(place, "record.json") == b"the second"
    assert len(place.files()) == 1


def test_a_file_that_is_not_there_is_told_from_a_place_that_is_not(harness: Harness, tmp_path: Path) -> None:
    harness.place.put(given(tmp_path, b"x"), "here")
    with pytest.raises(NotAtPlaceError, match="there is no gone") as missing:
        read(harness.place, "gone")
    assert missing.value.place == harness.place.name
    for ask in (harness.nowhere.files, lambda: harness.nowhere.put(given(tmp_path, b"x"), "x")):
        with pytest.raises(PlaceError) as told:
            ask()
        assert told.value.place == harness.nowhere.name
        assert told.value.hint


def test_other_files_are_listed_and_left_alone(harness: Harness, tmp_path: Path) -> None:
    place = harness.place
    for name in ("notes of somebody.txt", "data-20261002T061500Z.json", "data-20261001T000000Z.tar.zst", "\u2693.txt"):
        place.put(given(tmp_path, name.encode()), name)
    if harness.directory is not None:
        (harness.directory / "data-20261003T000000Z.tar.zst").mkdir()
        (harness.directory / ".data-20261004T000000Z.tar.zst.part-1234").write_bytes(b"half")
    found = backups_among(one.name for one in place.files())
    assert [file.name for file in found] == ["data-20261001T000000Z.tar.zst", "data-20261002T061500Z.json"]
    assert {one.name for one in place.files()} - {file.name for file in found} == {
        "notes of somebody.txt",
        "\u2693.txt",
    }
    for file in found:
        place.remove(file.name)
    assert read(place, "\u2693.txt") == "\u2693.txt".encode()
    place.remove_parts()
    assert len(place.files()) == 2
    if harness.directory is not None:
        assert not [path for path in harness.directory.iterdir() if "part" in path.name]
        assert (harness.directory / "data-20261003T000000Z.tar.zst").is_dir()


def test_removing_what_is_not_there_is_no_error(place: Place, tmp_path: Path) -> None:
    place.put(given(tmp_path, b"x"), "x")
    for _ in range(2):
        place.remove("x")
    with pytest.raises(NotAtPlaceError):
        read(place, "x")


def test_a_name_that_is_no_plain_file_is_refused(place: Place, tmp_path: Path) -> None:
    for name in ("", ".", "..", "../up", "a/b", "/etc/passwd", "-rf", "new\nline", "x.part-1"):
        for ask in (
            lambda name=name: place.put(given(tmp_path, b"x"), name),
            lambda name=name: read(place, name),
            lambda name=name: place.remove(name),
        ):
            with pytest.raises(PlaceError, match="is not a name for a file there"):
                ask()
    assert sorted(path.name for path in tmp_path.parent.iterdir() if path.name == "up") == []


def test_an_archive_is_verified_where_it_lies_and_tampering_is_seen(place: Place, tmp_path: Path) -> None:
    written = packed(make_tree(tmp_path / "tree"), tmp_path / "backups")
    name, record = written.path.name, record_of(written)
    place.put(written.path, name)
    assert verify_chunks(place.read(name), f"{place.name}/{name}", record).manifest == written.manifest
    whole = bytearray(written.path.read_bytes())
    whole[len(whole) // 2] ^= 1
    place.put(given(tmp_path, bytes(whole)), name)
    with pytest.raises(ArchiveError) as refused:
        verify_chunks(place.read(name), f"{place.name}/{name}", record)
    assert refused.value.archive == f"{place.name}/{name}"
    place.put(given(tmp_path, written.path.read_bytes()[:-7]), name)
    with pytest.raises(ArchiveError):
        verify_chunks(place.read(name), f"{place.name}/{name}", record)


def test_a_place_shows_no_secret(place: Place) -> None:
    assert SECRET not in place.name + repr(place) + repr(vars(place))
