"""Two thousand turned bits and two hundred lost ends."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.archives import TREE, make_tree, packed, record_of
from tests.support.damage import assert_refused, flips, truncations

pytestmark = pytest.mark.soak


def test_no_turned_bit_and_no_lost_end_gets_through(tmp_path: Path) -> None:
    # Bytes that cannot be compressed make blocks of another kind than texts do.
    files = TREE | {"noise": random.Random(1).randbytes(300_000), "words": b"over and over again " * 20_000}
    written = packed(make_tree(tmp_path / "tree", files), tmp_path / "backups")
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / written.path.name
    whole, record = written.path.read_bytes(), record_of(written)
    for damaged in [*flips(whole, 2000), *truncations(whole, 200)]:
        assert_refused(damaged, copy, record)
