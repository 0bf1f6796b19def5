"""Places in trouble: every fault ends with an error that says so, and with what was good before still there."""

from __future__ import annotations

import os
import random
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from homeport.host.places.directory import DirectoryPlace
from homeport.host.places.opening import open_place
from homeport.host.places.place import Place, PlaceDeniedError, PlaceError, Timeouts
from homeport.host.places.rclone import RclonePlace
from homeport.host.places.s3 import S3Access, S3Place, access_from
from homeport.host.places.sftp import SftpPlace, SshAccess
from homeport.secret import Secret
from tests.support.ports import free_ports
from tests.support.storehouses import BUCKET, ObjectStore, SshServer, make_key, why_no_rclone
from tests.support.wires import Wire

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

IMPATIENT: Final = Timeouts(connect=1, silence=2)
OLD: Final = b"the good one of before"
NEW: Final = random.Random(1).randbytes(12_000_000)
AT: Final = 5_000_000
"""Byte of a copy at which something happens: in the midst of it."""


class Network:
    """A place behind a wire."""

    def __init__(self, make: Callable[[int], Place], port: int) -> None:
        self.wire = Wire(port)
        self.make = make
        self.through = make(self.wire.port)
        self.direct = make(port)


def _s3(top: Path, request: pytest.FixtureRequest) -> tuple[Callable[[int], Place], int]:
    store: ObjectStore = request.getfixturevalue("objects")

    def make(port: int) -> Place:
        access = S3Access("key", Secret("s3cr3t"), f"http://127.0.0.1:{port}")
        return S3Place(BUCKET, top.name, access, IMPATIENT)

    return make, store.port


def _sftp(top: Path, request: pytest.FixtureRequest) -> tuple[Callable[[int], Place], int]:
    server: SshServer = request.getfixturevalue("ssh")
    (top / "there").mkdir()

    def make(port: int) -> Place:
        access = SshAccess("127.0.0.1", server.user, port, str(server.key), str(server.known_hosts))
        return SftpPlace(access, str(top / "there"), IMPATIENT)

    return make, server.port


def _rclone(top: Path, request: pytest.FixtureRequest) -> tuple[Callable[[int], Place], int]:
    if why_no_rclone():
        pytest.skip(str(why_no_rclone()))
    store: ObjectStore = request.getfixturevalue("objects")
    # rclone's library for S3 takes no certificates from there, and fails over it.
    request.getfixturevalue("monkeypatch").delenv("AWS_CA_BUNDLE", raising=False)

    def make(port: int) -> Place:
        config = top / f"rclone-{port}.conf"
        config.write_text(
            f"[there]\ntype = s3\nprovider = Other\nendpoint = http://127.0.0.1:{port}\naccess_key_id = key\n"
            "secret_access_key = s3cr3t\nforce_path_style = true\nno_check_bucket = true\n"
        )
        return RclonePlace(f"there:{BUCKET}/{top.name}", str(config), IMPATIENT)

    return make, store.port


KINDS: Final = {"s3": _s3, "sftp": _sftp, "rclone": _rclone}


@pytest.fixture(params=KINDS)
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Network]:
    network = Network(*KINDS[request.param](tmp_path, request))
    with network.wire:
        network.direct.put(given(tmp_path, OLD), "backup")
        yield network


def given(directory: Path, content: bytes) -> Path:
    file = directory / "given"
    file.write_bytes(content)
    return file


def assert_unharmed(place: Place, file: Path) -> None:
    """The good file of before is there alone; what was broken off can be tidied away, and done again."""
    assert b"".join(place.read("backup")) == OLD
    assert [(one.name, one.size) for one in place.files()] == [("backup", len(OLD))]
    place.remove_parts()
    place.put(file, "backup")
    assert b"".join(place.read("backup")) == NEW


def assert_told(error: PlaceError, place: Place) -> None:
    assert error.place == place.name
    assert str(error).startswith(place.name)
    assert error.hint
    assert "s3cr3t" not in str(error) + repr(error.details)


@pytest.mark.parametrize("name", ["backup", "another"])
def test_a_copy_whose_connection_is_cut_leaves_nothing_under_a_name(
    network: Network, tmp_path: Path, name: str
) -> None:
    network.wire.cut_at = AT
    with pytest.raises(PlaceError) as told:
        network.through.put(given(tmp_path, NEW), name)
    assert_told(told.value, network.through)
    assert_unharmed(network.direct, given(tmp_path, NEW))


def test_a_copy_to_a_place_that_goes_dead_ends(network: Network, tmp_path: Path) -> None:
    network.wire.dead_at = AT
    with pytest.raises(PlaceError) as told:
        network.through.put(given(tmp_path, NEW), "backup")
    assert_told(told.value, network.through)
    network.wire.__exit__(None, None, None)
    assert_unharmed(network.direct, given(tmp_path, NEW))


def test_reading_from_a_place_that_goes_dead_ends(network: Network, tmp_path: Path) -> None:
    network.direct.put(given(tmp_path, NEW), "backup")
    network.wire.dead_after = AT
    with pytest.raises(PlaceError) as told:
        for _ in network.through.read("backup"):
            pass
    assert_told(told.value, network.through)


def test_a_file_cut_short_while_it_is_read_is_not_taken_for_the_whole(network: Network, tmp_path: Path) -> None:
    network.direct.put(given(tmp_path, NEW), "backup")
    network.wire.cut_after = AT
    with pytest.raises(PlaceError):
        for _ in network.through.read("backup"):
            pass


def test_a_place_where_nobody_listens_is_told(network: Network, tmp_path: Path) -> None:
    place = network.make(free_ports(1)[0])
    for ask in (place.files, lambda: place.put(given(tmp_path, NEW), "backup"), lambda: next(place.read("backup"))):
        with pytest.raises(PlaceError) as told:
            ask()
        assert_told(told.value, place)


def test_a_place_that_takes_connections_and_says_nothing_is_left(network: Network, tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        place = network.make(mute.getsockname()[1])
        for ask in (place.files, lambda: place.put(given(tmp_path, OLD), "backup")):
            with pytest.raises(PlaceError) as told:
                ask()
            assert_told(told.value, place)


def test_wrong_credentials_of_an_object_store_are_refused(objects: ObjectStore, tmp_path: Path) -> None:
    key, secret = objects.make_user()
    good = S3Access(key, Secret(secret), objects.endpoint)
    with objects.strict():
        place = S3Place(BUCKET, tmp_path.name, good, IMPATIENT)
        place.put(given(tmp_path, OLD), "backup")
        for wrong in (replace(good, secret=Secret("s3cr3t-and-wrong")), replace(good, key="nobody")):
            denied = S3Place(BUCKET, tmp_path.name, wrong, IMPATIENT)
            for ask in (
                denied.files,
                lambda denied=denied: denied.put(given(tmp_path, NEW), "backup"),
                lambda denied=denied: next(denied.read("backup")),
                lambda denied=denied: denied.remove("backup"),
            ):
                with pytest.raises(PlaceDeniedError, match="these credentials are refused") as told:
                    ask()
                assert_told(told.value, denied)
        assert b"".join(place.read("backup")) == OLD


def test_the_environment_does_not_get_between_a_place_and_its_credentials(
    objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, secret = objects.make_user()
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of another account")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of another account")
    table = {"access_key_id": key, "secret_access_key": secret, "endpoint": objects.endpoint}
    url = f"s3://{BUCKET}/{tmp_path.name}"
    with objects.strict():
        place = open_place(url, {url: table}, IMPATIENT)
        place.put(given(tmp_path, OLD), "backup")
        assert b"".join(place.read("backup")) == OLD
    alone = access_from({"access_key_id": key, "secret_access_key": secret})
    assert (alone.endpoint, alone.session_token) == (None, None)


def test_wrong_keys_of_an_ssh_server_are_refused(ssh: SshServer, tmp_path: Path) -> None:
    make_key(tmp_path / "strange")
    (tmp_path / "nobody").write_text("")
    good = SshAccess("127.0.0.1", ssh.user, ssh.port, str(ssh.key), str(ssh.known_hosts))
    for wrong, why in (
        (replace(good, identity_file=str(tmp_path / "strange")), "ssh says: .*Permission denied"),
        (replace(good, known_hosts=str(tmp_path / "nobody")), "ssh says: .*Host key verification failed"),
        (replace(good, user="no-such-user"), "ssh says: .*Permission denied"),
    ):
        place = SftpPlace(wrong, str(tmp_path), IMPATIENT)
        with pytest.raises(PlaceError, match=why) as told:
            place.files()
        assert_told(told.value, place)


def test_what_a_place_may_not_do_is_told(tmp_path: Path, ssh: SshServer) -> None:
    """Where a directory stands in the way, no server can give a file its name."""
    (tmp_path / "there" / "backup").mkdir(parents=True)
    access = SshAccess("127.0.0.1", ssh.user, ssh.port, str(ssh.key), str(ssh.known_hosts))
    for place in (DirectoryPlace(tmp_path / "there"), SftpPlace(access, str(tmp_path / "there"), IMPATIENT)):
        with pytest.raises(PlaceError):
            place.put(given(tmp_path, OLD), "backup")
        assert [path.name for path in (tmp_path / "there").iterdir()] == ["backup"]


def test_a_full_disk_at_a_place_leaves_what_was_there(tmp_path: Path, ssh: SshServer) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk that is small enough to be filled")
    disk = tmp_path / "there"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)], check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    access = SshAccess("127.0.0.1", ssh.user, ssh.port, str(ssh.key), str(ssh.known_hosts))
    try:
        for place in (DirectoryPlace(disk), SftpPlace(access, str(disk), IMPATIENT)):
            place.put(given(tmp_path, OLD), "backup")
            with pytest.raises(PlaceError) as told:
                place.put(given(tmp_path, NEW), "backup")
            assert_told(told.value, place)
            assert [path.name for path in disk.iterdir()] == ["backup"]
            assert (disk / "backup").read_bytes() == OLD
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("kind", ["ssh", "rclone"])
def test_a_program_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    place: Place = SftpPlace(SshAccess("127.0.0.1"), "/x") if kind == "ssh" else RclonePlace("there:x")
    with pytest.raises(PlaceError, match=f"there is no program {kind} on this machine"):
        place.files()
