"""Places from their URLs, and the file with their credentials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from homeport.errors import GuardError, HomeportError, UsageError
from homeport.host.places.directory import DirectoryPlace
from homeport.host.places.opening import open_place, read_credentials
from homeport.host.places.rclone import RclonePlace
from homeport.host.places.s3 import S3Place
from homeport.host.places.sftp import SftpPlace

KEYS: Mapping[str, object] = {"access_key_id": "key", "secret_access_key": "s3cr3t"}


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/mnt/other disk/backups", DirectoryPlace),
        ("s3://bucket", S3Place),
        ("s3://bucket/a/prefix", S3Place),
        ("sftp://host/srv/backups", SftpPlace),
        ("sftp://user@host:2222/srv/backups", SftpPlace),
        ("rclone:remote:path/below", RclonePlace),
    ],
)
def test_a_place_is_named_as_it_was_declared(url: str, kind: type) -> None:
    place = open_place(url, {"s3://bucket": KEYS, "s3://bucket/a/prefix": KEYS})
    assert isinstance(place, kind)
    assert place.name == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "relative", "ftp://host/x", "s3://", "s3:///prefix", "s3://key:pa55word@bucket/x", "s3://bucket/x?acl"),
        *("sftp://host", "sftp:///path", "sftp://user:pa55word@host/x", "sftp://-oProxyCommand=evil/x"),
        *("sftp://host:notaport/x", "sftp://[::1/x", "https://host/x"),
    ],
)
def test_what_is_no_place_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UsageError, match="A place that begins with") as refused:
        open_place(url, {url: KEYS})
    assert "pa55word" not in str(refused.value)


def test_an_object_store_without_credentials_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="There are no credentials for s3://bucket"):
        open_place("s3://bucket", {"s3://another": KEYS})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    assert open_place("s3://bucket").name == "s3://bucket"


@pytest.mark.parametrize(
    ("url", "table"),
    [
        ("s3://bucket", {**KEYS, "secret": "s3cr3t"}),
        ("s3://bucket", {**KEYS, "region": 5}),
        ("sftp://host/x", {"password": "s3cr3t"}),
        ("rclone:a:b", {"token": "s3cr3t"}),
    ],
)
def test_credentials_that_nobody_understands_are_refused_and_not_quoted(url: str, table: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=f"The credentials of {url}") as refused:
        open_place(url, {url: table})
    assert "s3cr3t" not in str(refused.value)


def test_the_credentials_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "credentials.toml"
    file.write_text('["s3://bucket"]\naccess_key_id = "key"\nsecret_access_key = "s3cr3t"\n')
    for mode in (0o644, 0o640, 0o604, 0o660):
        file.chmod(mode)
        with pytest.raises(GuardError, match="may be read by others") as refused:
            read_credentials(file)
        assert f"chmod 600 {file}" in str(refused.value)
    file.chmod(0o600)
    assert read_credentials(file) == {"s3://bucket": KEYS}
    assert isinstance(open_place("s3://bucket", read_credentials(file)), S3Place)


@pytest.mark.parametrize("text", ["s3cr3t", 'key = "s3cr3t"', '["a"\nx = "s3cr3t"', '[a]\nx = "s3cr3t"\n[a]\n'])
def test_a_credentials_file_with_a_fault_is_not_quoted(tmp_path: Path, text: str) -> None:
    file = tmp_path / "credentials.toml"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(UsageError, match=str(file)) as refused:
        read_credentials(file)
    assert "s3cr3t" not in str(refused.value)
    with pytest.raises(HomeportError, match="cannot be read: No such file"):
        read_credentials(tmp_path / "gone")
