"""A checkout goes to another commit with all that Python makes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from homeport.host.services.git import Checkout
from tests.support.checkouts import commit, git


def test_what_python_compiled_of_one_commit_is_not_run_for_another(tmp_path: Path) -> None:
    """Changed and changed back within a second, to a file of the same size."""
    git(tmp_path, "init", "--quiet")
    file = tmp_path / "package" / "odd[name].py"
    file.parent.mkdir()
    made = []
    for version in (1, 2):
        file.write_text(f"print({version})\n")
        made.append(commit(tmp_path, f"version {version}"))
    checkout = Checkout(tmp_path)

    def runs_at(which: str) -> str:
        checkout.go_to(which)
        os.utime(file, (1_790_000_000, 1_790_000_000))
        git(tmp_path, "update-index", "--refresh")
        run = [sys.executable, "-c", "import importlib; importlib.import_module('package.odd[name]')"]
        plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return subprocess.run(run, cwd=tmp_path, env=plain, capture_output=True, text=True, check=True).stdout.strip()

    assert [runs_at(one) for one in (made[1], made[0], made[1])] == ["2", "1", "2"]
    assert len(list(tmp_path.rglob("*.pyc"))) == 1
