"""docs/migrations.md is true: its commands are executed, in order, around a clone of this very source."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from homeport.environments.releases.release import Release
from homeport.host.releases.building import INSTALLED, LOCK
from homeport.host.releases.shelf import ReleaseShelf
from tests.server.test_guides import ROOT, SAMPLE, commands_of
from tests.support.later import LATER, needed
from tests.support.ports import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
GUIDE: Final = "docs/migrations.md"
PARTS: Final = ("src", "scripts", "pyproject.toml", "README.md", "LICENSE", "Makefile", LOCK)
PYTHON: Final = re.compile(r"```python\n(.*?)```", re.DOTALL)
SEED: Final = "20261001T061500Z-0000000"
GIT: Final = {f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Desk:
    """An empty directory with a clone of the source, and what the commands print."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.source = directory / "source"
        for name in PARTS:
            target = self.source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, target)
        (self.source / ".gitignore").write_text(".venv\n__pycache__\n")
        # As `make` would make it, with what is installed here already.
        venv.EnvBuilder(symlinks=True).create(self.source / ".venv")
        needed(self.source / ".venv", self.source / "src")
        (self.source / ".venv" / ".runtime").touch()
        for words in ("init --quiet --initial-branch=main", "add --all", "commit --quiet --message begun"):
            self.run(f"git -C source {words}")

    @property
    def variables(self) -> Mapping[str, str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**os.environ, **GIT, "PATH": path, "HOME": str(self.directory), "GIT_CONFIG_SYSTEM": os.devnull}

    def run(self, command: str) -> str:
        ran = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.directory,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def declare(self) -> None:
        """Ports of its own, and what the guide says of both environments."""
        file = self.directory / "homeport.toml"
        text = file.read_text()
        for usual, port in zip(range(3444, 3450), free_ports(6), strict=True):
            text = text.replace(str(usual), str(port))
        for name, setting in (("production", "source"), ("development", "checkout")):
            text = text.replace(f"[environments.{name}]\n", f'[environments.{name}]\n{setting} = "source"\n')
        file.write_text(text)
        # What a release needs is here already: one begins with a copy of another that has the same lock.
        seed = self.directory / "production" / "releases" / SEED
        venv.EnvBuilder(symlinks=True).create(seed)
        needed(seed)
        shutil.copy(self.source / LOCK, seed / INSTALLED)
        ReleaseShelf(seed.parent).write(
            Release(
                id=SEED,
                environment="production",
                commit="0" * 40,
                source=str(self.source),
                created="2026-10-01T06:15:00+00:00",
                by="ada",
                state="good",
            )
        )

    def write_migration(self) -> None:
        """Puts the guide's example into the file that was begun."""
        [file] = (self.source / "src/homeport/storage/migrations/versions").glob(f"r{LATER}_*.py")
        [example] = PYTHON.findall((ROOT / GUIDE).read_text())
        begun = file.read_text()
        file.write_text(begun[: begun.index("def upgrade")].replace(_UNUSED, "") + example)


_UNUSED: Final = "from homeport.storage.migrations.verifying import missing_tables\n\n"


def test_the_guides_migration_is_shown_applied_verified_and_undone_on_imported_data(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    said: dict[str, str] = {}
    try:
        for line in (one for one in commands_of(GUIDE) if isinstance(one, str)):
            sooner = " --watch 1" if "production --yes" in line else ""
            said[line] = desk.run(line.replace("SAMPLE", str(SAMPLE)) + sooner)
            if line == "homeport init":
                desk.declare()
            if "make -C source migration" in line:
                desk.write_migration()
    finally:
        desk.run("homeport stop production")
    # Dry-run shows it, apply does it, verify proves it.
    assert "projects  4 rows changed" in said["homeport migrate development --dry-run"]
    assert f"ran {LATER} in " in said["homeport migrate development"]
    assert said["homeport migrate development --verify"] == "verified: all is as the migrations must leave it\n"
    # With a release, and back.
    assert "projects  4 rows changed" in said["homeport deploy production --yes"].replace("\n\n", "\n")
    assert "they go back to the backup" in said["homeport rollback production --dry-run"]
    assert "Its data are those of the backup" in said["homeport rollback production --yes --lose"]
