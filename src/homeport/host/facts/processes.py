"""Processes that hold declared ports, work in declared directories, or have data open."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

import psutil

from homeport.environments.doctor.facts import ProcessFact
from homeport.host.ports import unit_of

# What must not stand before it is looked at afterwards: a search for a text that begins with these bytes is quick.
_VERSION: Final = re.compile(rb"3\.\d{1,2}\.\d{1,2}\0")
_LONGER: Final = frozenset(bytes([byte]) for byte in b"0123456789.")
_LONGEST_COMMAND: Final = 200


def find_processes(ports: Iterable[int], directories: Iterable[PurePosixPath]) -> tuple[ProcessFact, ...]:
    """The processes that have to do with any of these, as far as this user may see them."""
    wanted, places = set(ports), tuple(directories)
    listening = _listening()
    found = []
    for process in psutil.process_iter():
        held = listening.get(process.pid, frozenset())
        try:
            fact = _describe(process, tuple(sorted(held)))
        except (psutil.Error, OSError):
            continue
        inside = any(
            path.is_relative_to(place) for path in (fact.directory, *fact.files) if path is not None for place in places
        )
        if held & wanted or (inside and (held or fact.files)):
            # Looked up last: libraries are large, and most processes are none of ours.
            found.append(replace(fact, sqlite=_sqlite(fact.pid)))
    return tuple(found)


def _listening() -> dict[int, frozenset[int]]:
    held: dict[int, frozenset[int]] = {}
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.pid and connection.laddr:
            held[connection.pid] = held.get(connection.pid, frozenset()) | {connection.laddr.port}
    return held


def _describe(process: psutil.Process, ports: tuple[int, ...]) -> ProcessFact:
    directory: PurePosixPath | None
    try:
        directory = PurePosixPath(process.cwd())
        files = tuple(PurePosixPath(one.path) for one in process.open_files() if one.mode not in ("r", ""))
    except (psutil.Error, OSError):
        directory, files = None, ()
    with process.oneshot():
        command = " ".join((shlex.join(process.cmdline()) or process.name()).split())
        return ProcessFact(
            pid=process.pid,
            command=command[:_LONGEST_COMMAND],
            user=process.username(),
            directory=directory,
            unit=unit_of(Path(f"/proc/{process.pid}/cgroup").read_text(encoding="utf-8")),
            started=datetime.fromtimestamp(process.create_time(), UTC),
            ports=ports,
            files=files,
        )


def _sqlite(pid: int) -> str | None:
    """The version of the SQLite that a process has loaded as a library of its own."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for path in dict.fromkeys(line.rpartition(" ")[2] for line in maps.splitlines()):
        if "sqlite" in path.rpartition("/")[2] and path.startswith("/"):
            version = _version_in(f"/proc/{pid}/root{path}")
            if version is not None:
                return version
    return None


@cache
def _version_in(library: str) -> str | None:
    # SQLITE_VERSION stands in every build as a text of its own; two different ones tell nothing.
    try:
        text = Path(library).read_bytes()
    except OSError:
        return None
    found = {one[0][:-1] for one in _VERSION.finditer(text) if text[one.start() - 1 : one.start()] not in _LONGER}
    return found.pop().decode() if len(found) == 1 else None
