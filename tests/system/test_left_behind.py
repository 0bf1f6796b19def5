"""A run of tests that is killed leaves no process, no mount and no control group; the next run removes the disk."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support.machine import booted
from tests.support.machines.enclosed import hierarchies
from tests.support.machines.image import ROOT
from tests.support.waiting import until

# What pytest does with the fixture `machine`, in a process that can be killed alone.
OWNER: Final = """
import sys
from pathlib import Path
import pytest

from tests.support.machine import booted
with booted([Path(layer) for layer in sys.argv[2:]], Path(sys.argv[1])) as machine:
    machine.start(["sleep", "infinity"])
    print(machine.name, flush=True)
    sys.stdin.read()
"""


@contextmanager
def owner(layers: Sequence[Path], home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process with a machine, and the machine's name."""
    arguments = [sys.executable, "-c", OWNER, str(home), *map(str, layers)]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def processes_of(name: str) -> set[int]:
    """Pids of what is in the machine's control group."""
    lists = [file for top in hierarchies() for file in (top / name).rglob("cgroup.procs")]
    return {int(pid) for file in lists for pid in file.read_text().split()}


@pytest.fixture
def home(machines_home: Path) -> Iterator[Path]:
    """A place for machines that no other run of the tests clears."""
    place = machines_home.with_name(f"apart-{uuid.uuid4().hex[:8]}")
    yield place
    shutil.rmtree(place)


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}/exe").exists()


def test_a_killed_owner_takes_its_machine_along_and_the_next_one_clears_its_disk(
    image: Sequence[Path], home: Path
) -> None:
    with owner(image, home) as (process, name):
        there = processes_of(name)
        assert len(there) > 5
        assert (home / name).is_dir()
        assert not [line for line in Path("/proc/self/mounts").read_text().splitlines() if name in line]
        os.kill(process.pid, signal.SIGKILL)
        until(lambda: not any(is_there(pid) for pid in there), within=30)
    with booted(image, home) as next_one:
        assert [path.name for path in home.glob("homeport-*")] == [next_one.name]
    assert not list(home.glob("homeport-*"))
    assert not [top / name for top in hierarchies() if (top / name).exists()]


def test_the_machine_of_a_living_owner_is_left_alone(image: Sequence[Path], home: Path) -> None:
    with owner(image, home) as (process, name):
        with booted(image, home):
            assert (home / name).is_dir()
            assert processes_of(name)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
    assert not (home / name).exists()
