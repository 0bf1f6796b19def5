"""Sealed archives: who seals them needs public keys alone, and who opens them needs a secret one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pyrage
import pytest

from homeport.errors import GuardError, HomeportError, UsageError
from homeport.host.archives.extracting import extract
from homeport.host.archives.refusal import ArchiveError
from homeport.host.archives.sealing import Identity, Recipient, read_identities, read_recipients
from homeport.host.archives.verifying import verify
from tests.support.archives import content_of, make_tree, packed, record_of


def test_a_sealed_archive_is_opened_by_each_of_its_recipients(tmp_path: Path, keys: tuple[Recipient, Identity]) -> None:
    recipient, identity = keys
    other = pyrage.x25519.Identity.generate()
    tree = make_tree(tmp_path / "tree")
    both = (recipient, *read_recipients([f" {other.to_public()}\n"]))
    written = packed(tree, tmp_path / "backups", recipients=both)
    assert written.path.name.endswith(".tar.zst.age")
    assert b"homeport.db" not in written.path.read_bytes()
    (tmp_path / "other.txt").write_text(f"\n# mine\n{other}\n")
    (tmp_path / "other.txt").chmod(0o600)
    for number, mine in enumerate(([identity], read_identities(tmp_path / "other.txt"))):
        assert verify(written.path, record_of(written), mine).manifest == written.manifest
        extract(written.path, tmp_path / f"out{number}", record_of(written), mine)
        assert content_of(tmp_path / f"out{number}") == content_of(tree)


def test_a_stranger_cannot_open_a_sealed_archive(tmp_path: Path, keys: tuple[Recipient, Identity]) -> None:
    written = packed(make_tree(tmp_path / "tree"), tmp_path / "backups", recipients=keys[:1])
    stranger = tmp_path / "stranger.txt"
    stranger.write_text(str(pyrage.x25519.Identity.generate()))
    stranger.chmod(0o600)
    for read in (
        lambda: verify(written.path, None, read_identities(stranger)),
        lambda: extract(written.path, tmp_path / "out", None, read_identities(stranger)),
    ):
        with pytest.raises(ArchiveError, match="cannot be opened with this identity"):
            read()
    assert not (tmp_path / "out").exists()


def test_without_an_identity_a_sealed_archive_is_held_to_its_record(
    tmp_path: Path, keys: tuple[Recipient, Identity]
) -> None:
    written = packed(make_tree(tmp_path / "tree"), tmp_path / "backups", recipients=keys[:1])
    found = verify(written.path, record_of(written))
    assert (found.size, found.sha256, found.manifest) == (written.size, written.sha256, None)
    with pytest.raises(HomeportError, match="is sealed, and there is no record"):
        verify(written.path)
    with pytest.raises(HomeportError, match="is sealed"):
        extract(written.path, tmp_path / "out", record_of(written))
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not installed")
def test_an_ssh_key_serves_as_well(tmp_path: Path) -> None:
    file = tmp_path / "id_ed25519"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(file)]
    subprocess.run(command, check=True, timeout=30)
    recipients = read_recipients([file.with_suffix(".pub").read_text()])
    written = packed(make_tree(tmp_path / "tree"), tmp_path / "backups", recipients=tuple(recipients))
    assert verify(written.path, None, read_identities(file)).manifest == written.manifest


@pytest.mark.parametrize("text", ["", "age1", "age1qqqq", "ssh-ed25519 AAAA", "somebody@example.org"])
def test_what_is_no_recipient_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageError, match="is not an age recipient"):
        read_recipients([text])


def test_a_secret_key_among_the_recipients_is_not_repeated() -> None:
    key = str(pyrage.x25519.Identity.generate())
    with pytest.raises(UsageError, match="A secret key stands among the recipients") as refused:
        read_recipients([key])
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    "content", [b"", b"# only a comment\n", b"AGE-SECRET-KEY-1WRONG\n", b"\xff\xfe", b"-----BEGIN X"]
)
def test_a_file_without_an_identity_is_refused_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys.txt"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(UsageError, match="holds no age identity") as refused:
        read_identities(file)
    assert "WRONG" not in str(refused.value)
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_identities(tmp_path / "gone")


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text(str(pyrage.x25519.Identity.generate()))
    file.chmod(0o640)
    with pytest.raises(GuardError, match="may be read by others") as refused:
        read_identities(file)
    assert f"chmod 600 {file}" in refused.value.hint


def test_a_key_is_in_no_representation(keys: tuple[Recipient, Identity]) -> None:
    assert repr(keys[1]) == "Identity()"
    assert keys[0].text in repr(keys[0])
