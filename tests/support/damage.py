"""Archives with one bit turned, or cut off, at sampled places."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.environments.backups.record import Record
from homeport.host.archives.extracting import extract
from homeport.host.archives.refusal import ArchiveError
from homeport.host.archives.sealing import Identity
from homeport.host.archives.verifying import verify


def flips(whole: bytes, count: int, seed: int = 1) -> Iterator[bytes]:
    """So many copies, each with another bit turned; the first and the last bytes are always among them."""
    places = random.Random(seed)
    edges = [*range(64), *range(len(whole) * 8 - 64, len(whole) * 8)]
    for bit in [*edges, *(places.randrange(len(whole) * 8) for _ in range(count))][:count]:
        copy = bytearray(whole)
        copy[bit // 8] ^= 1 << bit % 8
        yield bytes(copy)


def truncations(whole: bytes, count: int, seed: int = 1) -> Iterator[bytes]:
    """So many copies that end too early."""
    places = random.Random(seed)
    edges = [0, 1, len(whole) - 1, len(whole) - 4, len(whole) - 5]
    for length in [*edges, *(places.randrange(len(whole)) for _ in range(count))][:count]:
        yield whole[:length]


def assert_refused(damaged: bytes, file: Path, record: Record, identities: tuple[Identity, ...] = ()) -> None:
    """Neither verified nor unpacked, with the file's name in the error and nothing left beside it."""
    file.write_bytes(damaged)
    out = file.parent / "out"
    for read in (
        lambda: verify(file, record, identities),
        lambda: extract(file, out, record, identities),
    ):
        with pytest.raises(ArchiveError) as refused:
            read()
        assert refused.value.archive == str(file)
        assert str(file) in str(refused.value)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
