"""What machines are built with, as far as it needs no root: apt's sources, and the cache of layers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.machines.image import ROOT
from tests.support.machines.layers import KEPT, Layers, key_of
from tests.support.machines.sources import host_sources

STANZAS = """\
Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://others.example/apt
Suites: bookworm-others
Components: main

Enabled: no
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm-security
Components: main
"""
LINES = """\
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian bookworm main contrib
deb-src http://mirror.example/debian bookworm main
# deb http://mirror.example/debian bookworm-security main
deb https://others.example/linux bookworm stable
"""


def test_only_the_distributions_own_entries_of_its_release_are_taken(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(LINES)
    (tmp_path / "sources.list.d" / "debian.sources").write_text(STANZAS)
    sources = host_sources(tmp_path, "bookworm")
    assert sources.lines == LINES.splitlines(keepends=True)[0]
    assert sources.stanzas == STANZAS.split("\n\n", maxsplit=1)[0] + "\n"
    assert not host_sources(tmp_path, "trixie")
    assert not host_sources(tmp_path / "nothing", "bookworm")


@pytest.mark.slow
def test_tests_on_machines_are_skipped_by_name_where_none_can_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/system/test_machine.py"]
    without_tools = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=without_tools, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    reason = re.search(r"^SKIPPED \[\d+\] tests/system/\S+: (.*)$", done.stdout, re.MULTILINE)
    assert reason is not None, done.stdout
    assert re.search("machines need|may not mount|mmdebstrap and systemd-nspawn .* not found", reason[1])
    assert " passed" not in done.stdout


def build(part: Path) -> Path:
    made = part / "made"
    made.mkdir()
    (made / "file").write_text("whole")
    with (part.parent / "builds").open("a") as log:
        log.write("built\n")
    return made


def get_a_layer(directory: Path) -> None:
    layers = Layers(directory)
    assert (layers.get("system", "1", build) / "file").read_text() == "whole"
    layers.release()


def test_a_layer_is_built_once_by_whoever_comes_first(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as workers:
        for done in [workers.submit(get_a_layer, tmp_path) for _ in range(4)]:
            done.result(30)
    assert (tmp_path / "builds").read_text() == "built\n"


def test_a_build_that_fails_or_was_killed_leaves_no_layer(tmp_path: Path) -> None:
    def fail(part: Path) -> Path:
        (part / "half").write_text("half")
        raise ConnectionError

    layers = Layers(tmp_path)
    with pytest.raises(ConnectionError):
        layers.get("system", "1", fail)
    layers.release()
    (tmp_path / "system-1.part").mkdir()
    (tmp_path / "system-1.part" / "half").write_text("of a build that was killed")
    get_a_layer(tmp_path)
    assert {path.name for path in (tmp_path / "system-1").iterdir()} == {"file"}
    assert not (tmp_path / "system-1.part").exists()


def test_layers_nobody_used_for_long_are_removed_but_none_in_use(tmp_path: Path) -> None:
    using = Layers(tmp_path)
    in_use = using.get("system", "0", build)
    other = Layers(tmp_path)
    for number in range(1, KEPT + 3):
        other.get("system", str(number), build)
        other.release()
    assert in_use.is_dir()
    assert len([path for path in tmp_path.glob("system-*") if path.is_dir()]) == KEPT + 1
    using.release()


def test_a_key_tells_parts_from_their_sum() -> None:
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("ab") == key_of(b"ab")
