"""Git repositories as people have them: with a program in them, changed and committed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_WHO: Final = ("-c", "user.name=Kai", "-c", "user.email=kai@example.org", "-c", "commit.gpgsign=false")


def git(directory: Path, *words: str) -> str:
    """What git says; it must succeed."""
    done = subprocess.run(["git", "-C", str(directory), *_WHO, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def new_repository(directory: Path) -> Path:
    """An empty repository on the branch main."""
    directory.mkdir(parents=True)
    git(directory, "init", "--quiet", "--initial-branch=main")
    return directory


def commit(directory: Path, message: str, **files: str) -> str:
    """Writes files (``name_py`` for ``name.py``), commits all that changed, and answers the commit."""
    for name, text in files.items():
        (directory / name.replace("_", ".")).write_text(text)
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(directory, "rev-parse", "HEAD")


def own_checkout(directory: Path) -> Path:
    """A checkout of Homeport's own source, with an environment of Python's that runs that source."""
    new_repository(directory)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", directory / "src", ignore=ignored)
    (directory / ".gitignore").write_text(".venv/\n*.local\n")
    commit(directory, "all of it")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory / ".venv")], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = directory / ".venv" / "lib" / version / "site-packages"
    # The checkout's own source comes first, then what this environment has installed.
    (packages / "own.pth").write_text(f"{directory / 'src'}\n{sysconfig.get_path('purelib')}\n")
    return directory
