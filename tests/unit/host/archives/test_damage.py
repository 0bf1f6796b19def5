"""A short form of tests/soak/test_archive_soak.py: no turned bit and no lost end gets through."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.errors import HomeportError
from homeport.host.archives.extracting import extract
from homeport.host.archives.refusal import ArchiveError
from homeport.host.archives.sealing import Identity, Recipient
from homeport.host.archives.verifying import verify, verify_chunks
from homeport.host.archives.writing import Written
from tests.support.archives import make_tree, packed, record_of
from tests.support.damage import assert_refused, flips, truncations


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return packed(make_tree(tmp_path / "tree"), tmp_path / "backups")


@pytest.fixture
def copy(tmp_path: Path, written: Written) -> Path:
    """Where damaged copies go: a directory that holds nothing else."""
    (tmp_path / "copy").mkdir()
    return tmp_path / "copy" / written.path.name


def test_every_turned_bit_is_refused(written: Written, copy: Path) -> None:
    record = record_of(written)
    for damaged in flips(written.path.read_bytes(), 200):
        assert_refused(damaged, copy, record)


def test_every_lost_end_is_refused(written: Written, copy: Path) -> None:
    record = record_of(written)
    for damaged in truncations(written.path.read_bytes(), 50):
        assert_refused(damaged, copy, record)


def test_without_its_record_a_damaged_archive_is_refused_or_says_the_same(written: Written) -> None:
    """Some bits of a zstd frame mean nothing; none of them changes what is read."""
    refused = 0
    for damaged in flips(written.path.read_bytes(), 200):
        try:
            assert verify_chunks([damaged], written.path.name).manifest == written.manifest
        except ArchiveError:
            refused += 1
    assert refused > 180


def test_a_lost_end_is_refused_without_a_record_too(written: Written) -> None:
    whole = written.path.read_bytes()
    for damaged in truncations(whole, 50):
        with pytest.raises(ArchiveError):
            verify_chunks([damaged], written.path.name)
    assert verify_chunks([whole], written.path.name).manifest == written.manifest


@pytest.mark.parametrize("more", [b"\0", b"\x28\xb5\x2f\xfd", b"x" * 600, b"\x50\x2a\x4d\x18\0\0\0\0"])
def test_bytes_behind_the_end_are_refused(written: Written, copy: Path, more: bytes) -> None:
    copy.write_bytes(written.path.read_bytes() + more)
    with pytest.raises(ArchiveError, match="has bytes behind its end"):
        verify(copy)
    with pytest.raises(ArchiveError, match="is longer than"):
        verify(copy, record_of(written))


def test_damage_of_a_sealed_archive_is_seen_with_and_without_the_key(
    tmp_path: Path, keys: tuple[Recipient, Identity], copy: Path
) -> None:
    recipient, identity = keys
    sealed = packed(tmp_path / "tree", tmp_path / "sealed", recipients=(recipient,))
    copy = copy.with_name(sealed.path.name)
    whole, record = sealed.path.read_bytes(), record_of(sealed)
    for damaged in [*flips(whole, 40), *truncations(whole, 20), whole + b"\0"]:
        assert_refused(damaged, copy, record, (identity,))
        with pytest.raises(ArchiveError):
            verify(copy, record)
        with pytest.raises(ArchiveError):
            verify(copy, None, (identity,))
    copy.write_bytes(whole)
    assert verify(copy, record).manifest is None
    assert verify(copy, None, (identity,)).manifest == sealed.manifest


def test_an_archive_that_is_not_there_is_named(tmp_path: Path, written: Written) -> None:
    gone = tmp_path / "gone" / written.path.name
    with pytest.raises(HomeportError, match=f"{gone} cannot be read: No such file"):
        verify(gone)
    with pytest.raises(HomeportError, match=f"{gone} cannot be read: No such file"):
        extract(gone, tmp_path / "out")


def test_the_archive_of_another_backup_is_not_taken_for_this_one(tmp_path: Path, written: Written) -> None:
    other = packed(tmp_path / "tree", tmp_path / "others", backup="20251002T061500Z")
    assert verify(other.path).manifest == other.manifest
    other.path.rename(written.path)
    with pytest.raises(ArchiveError, match="does not begin with the directory data-20261002T061500Z/data"):
        verify(written.path)
