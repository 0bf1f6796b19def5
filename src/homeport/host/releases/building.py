"""Builds a release under a name that nobody takes for one, proves it, and only then gives it its own."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from homeport.environments.environment import Environment
from homeport.environments.releases.steps import BuildRelease
from homeport.environments.services.state import shown_command
from homeport.errors import HomeportError
from homeport.files import sync_directory
from homeport.host.commands import run_command
from homeport.host.releases.shelf import ReleaseShelf
from homeport.host.releases.source import Source

LOCK: Final = "requirements/runtime.lock"
_SECONDS: Final = 1800.0
_PIP: Final = ("--disable-pip-version-check", "--no-input", "install", "--quiet", "--no-deps")
INSTALLED: Final = "runtime.lock"
"""In a release: the lock that its environment was installed from."""
_NOT_FOR_IT: Final = frozenset({"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONSTARTUP"})
"""Variables that would have a release's interpreter look elsewhere."""


def build(environment: Environment, step: BuildRelease) -> None:
    """Has the release stand under its name, unable to change. What it began and could not end is gone.

    Raises:
        HomeportError: it cannot be built, or is not whole; the sentence says what is missing.
    """
    shelf = ReleaseShelf(Path(environment.releases_directory))
    if shelf.path(step.release).exists():
        return
    shelf.directory.mkdir(parents=True, exist_ok=True)
    shelf.tidy()
    try:
        source, building = shelf.source(step.release), shelf.building(step.release)
        Source(Path(step.source)).extract(step.commit, source)
        if environment.is_foreign:
            source.rename(building)
            _install(building, environment.service.install)
        else:
            _build_own(source, building, shelf, step.release)
        _freeze(building)
        # Everything of it is on the disk before it has its name.
        os.sync()
        building.rename(shelf.path(step.release))
        sync_directory(shelf.directory)
    finally:
        shelf.tidy()


def _install(directory: Path, install: Sequence[str]) -> None:
    if not install:
        return
    program, *rest = install
    words = (str(directory / program) if "/" in program and not program.startswith("/") else program, *rest)
    done = run_command(words, seconds=_SECONDS, directory=str(directory))
    if done.code != 0:
        said = f": {done.last_words}" if done.last_words else "."
        raise HomeportError(f"{shown_command(tuple(install))} in the release ended with exit code {done.code}{said}")


def _build_own(source: Path, building: Path, shelf: ReleaseShelf, release: str) -> None:
    """An environment of Python's with what the lock asks for, and the package."""
    lock, final = source / LOCK, shelf.path(release)
    if not lock.is_file():
        raise HomeportError(
            f"The commit has no {LOCK}, so that nobody knows what its release needs.",
            "A server that is not Homeport's own declares its command.",
        )
    python = building / "bin" / "python"
    alike = _alike(shelf, lock)
    if alike is not None:
        _copy(alike, building)
        _rename_scripts(building / "bin", alike, final)
    else:
        _install_locked(building, lock)
    package = ("--no-build-isolation", "--force-reinstall", str(source))
    _run("the package could not be installed", *_pip(python), *package)
    _prove(python)
    _rename_scripts(building / "bin", building, final)


def _install_locked(building: Path, lock: Path) -> None:
    """By hash, wheels alone, and no dependencies but the locked ones: as scripts/install has it."""
    python = building / "bin" / "python"
    without = ("--without-pip",) if _has_pip() else ()
    _run("its environment could not be made", sys.executable, "-m", "venv", *without, str(building))
    locked = ("--require-hashes", "--only-binary", ":all:", "-r", str(lock))
    _run("what it needs could not be installed", *_pip(python), *locked)
    shutil.copyfile(lock, building / INSTALLED)


def _alike(shelf: ReleaseShelf, lock: Path) -> Path | None:
    """The newest release that was installed from the very same lock, for the very same Python, and came up since."""
    wanted = lock.read_bytes()
    for one in reversed(shelf.releases()):
        path = shelf.path(one.id)
        if one.state == "good" and _bytes(path / INSTALLED) == wanted and _is_of_this_python(path):
            return path
    return None


def _is_of_this_python(release: Path) -> bool:
    lines = _bytes(release / "pyvenv.cfg").decode(errors="replace").splitlines()
    return f"version = {platform.python_version()}" in lines


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _copy(release: Path, building: Path) -> None:
    """A release's environment, which may be changed."""
    shutil.copytree(release, building, symlinks=True)
    for directory, _, files in os.walk(building):
        Path(directory).chmod(0o755)
        for name in files:
            path = Path(directory) / name
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IWUSR)


@cache
def _has_pip() -> bool:
    return run_command((sys.executable, "-m", "pip", "--version"), environment=_clean()).code == 0


def _pip(python: Path) -> tuple[str, ...]:
    """Installs for an interpreter: by the pip that is here, since a release needs none; else by its own."""
    own = (sys.executable, "-m", "pip", "--python", str(python)) if _has_pip() else (str(python), "-m", "pip")
    return (*own, *_PIP)


def _prove(python: Path) -> None:
    """It compiles, and its program starts, before anything that serves is touched."""
    where = run_command((str(python), "-P", "-c", "import homeport; print(homeport.__path__[0])"), environment=_clean())
    if where.code != 0:
        raise HomeportError(f"The release does not start: {where.last_words}")
    _run("a file of it is no Python", str(python), "-m", "compileall", "-q", where.output.strip())
    _run("its program does not start", str(python), "-P", "-m", "homeport", "--version")


def _run(what: str, *words: str) -> None:
    done = run_command(words, seconds=_SECONDS, environment=_clean(), directory="/")
    if done.code != 0:
        raise HomeportError(f"The release is not whole: {what}: {done.last_words or done.code}")


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _NOT_FOR_IT}


def _rename_scripts(directory: Path, before: Path, after: Path) -> None:
    """Scripts name their interpreter by its whole path, which is another once the release has its name."""
    for script in directory.iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        if os.fsencode(before) in content:
            script.write_bytes(content.replace(os.fsencode(before), os.fsencode(after)))


def _freeze(top: Path) -> None:
    """Nobody writes into it, and everybody who may come there reads it, whatever the umask was."""
    for directory, names, files in os.walk(top):
        for name in files:
            path = Path(directory) / name
            if not path.is_symlink():
                path.chmod(0o555 if path.stat().st_mode & stat.S_IXUSR else 0o444)
        for name in names:
            path = Path(directory) / name
            if not path.is_symlink():
                path.chmod(0o755)
    for directory, _, _ in os.walk(top, topdown=False):
        Path(directory).chmod(0o555)
