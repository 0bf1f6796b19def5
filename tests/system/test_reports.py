"""What a person sees when a test on a machine fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.support.machines.image import ROOT

FAILING: Final = """
from tests.support.machine import Machine

def test_a_unit_that_cannot_start(machine: Machine) -> None:
    machine.run(["logger", "the last thing that was said"])
    assert machine.read("/etc/hostname") == "another"
"""


def test_a_failed_test_shows_the_journal_of_its_machine(tmp_path: Path) -> None:
    fixtures = (ROOT / "tests" / "system" / "conftest.py").read_text()
    (tmp_path / "conftest.py").write_text(fixtures)
    (tmp_path / "test_failing.py").write_text(FAILING)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, "-c", "/dev/null", tmp_path],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the last thing that was said" in done.stdout
    assert "Started nginx.service" in done.stdout
