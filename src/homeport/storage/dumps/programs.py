"""PostgreSQL's own programs, of a version that fits the server, run without a password on any command line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from homeport.errors import HomeportError
from homeport.storage.dumps.cluster import Cluster

Name = Literal["pg_dump", "pg_restore"]

DEBIAN: Final = Path("/usr/lib/postgresql")
"""Where Debian and Ubuntu keep the programs of each major version, side by side."""
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_SECONDS: Final = 6 * 3600.0
_SAID: Final = 600


@dataclass(frozen=True, slots=True)
class Program:
    """One of PostgreSQL's programs.

    Attributes:
        path: where it is.
        major: its version: 15, 16, …
    """

    path: Path
    major: int


def find_program(name: Name, major: int, *, debian: Path | None = None, path: str | None = None) -> Program:
    """The program of a server's own version; where there is none, of the next newer one that is here.

    An older one refuses a newer server, and may not know what is in it.

    Args:
        name: of the program.
        major: the server's version.
        debian: instead of :data:`DEBIAN`.
        path: instead of the variable ``PATH``.

    Raises:
        HomeportError: it is missing, or only older ones are here.
    """
    found = sorted(_installed(name, debian or DEBIAN, path), key=lambda one: one.major)
    fit = [one for one in found if one.major >= major]
    if fit:
        return fit[0]
    install = f"Install the programs of the server's version: apt-get install postgresql-client-{major}"
    if found:
        raise HomeportError(
            f"{found[-1].path} is of version {found[-1].major}, which is too old for a server of PostgreSQL {major}.",
            install,
            found=[one.major for one in found],
            server=major,
        )
    raise HomeportError(f"There is no {name} on this machine, and the server is PostgreSQL {major}.", install)


def newest_program(name: Name, *, debian: Path | None = None, path: str | None = None) -> Program:
    """The newest of the programs that are here: it reads what any older one wrote.

    Args:
        name: of the program.
        debian: instead of :data:`DEBIAN`.
        path: instead of the variable ``PATH``.

    Raises:
        HomeportError: there is none.
    """
    found = list(_installed(name, debian or DEBIAN, path))
    if not found:
        raise HomeportError(
            f"There is no {name} on this machine, and what is to be read was in a PostgreSQL database.",
            "Install PostgreSQL's programs: apt-get install postgresql-client",
        )
    return max(found, key=lambda one: one.major)


def _installed(name: Name, debian: Path, path: str | None) -> Iterator[Program]:
    for directory in debian.glob("[0-9]*"):
        program = directory / "bin" / name
        if directory.name.isdecimal() and os.access(program, os.X_OK):
            yield Program(program, int(directory.name))
    elsewhere = shutil.which(name, path=path)
    if elsewhere is not None and (major := _major_of(elsewhere)) is not None:
        yield Program(Path(elsewhere), major)


def _major_of(program: str) -> int | None:
    """What a program says; Debian's ``/usr/bin/pg_dump`` chooses one by the server, and says the newest."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(said)
    return int(match[1]) if match else None


def run_program(cluster: Cluster, program: Program, *words: str, connects: bool = True) -> str:
    """Runs a program to its end.

    Args:
        cluster: the database that it is told to connect to.
        program: which.
        words: its arguments.
        connects: whether it connects at all.

    Returns:
        What it said on its standard output.

    Raises:
        HomeportError: it failed; the sentence has its last words.
    """
    command: Sequence[str] = [
        str(program.path),
        *(("--no-password", f"--dbname={cluster.address.url}") if connects else ()),
        *words,
    ]
    environment = {**os.environ, "LC_ALL": "C", "PGAPPNAME": f"homeport {program.path.name}"}
    if connects and cluster.password is not None:
        environment["PGPASSWORD"] = cluster.password.reveal()
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            encoding="utf-8",
            errors="replace",
            env=environment,
        )
    except OSError as error:
        raise HomeportError(f"{program.path} cannot be run: {error.strerror}.") from None
    except subprocess.TimeoutExpired:
        raise HomeportError(f"{program.path} did not end within {_SECONDS / 3600:.0f} hours.") from None
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[-_SAID:] or f"exit code {done.returncode}"
        raise HomeportError(f"{program.path.name} failed: {said}")
    return done.stdout
