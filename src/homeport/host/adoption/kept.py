"""How a process was started, kept in a file for root's eyes, so that it can be started again as it was."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import psutil

from homeport.environments.steps import Ownership
from homeport.errors import HomeportError
from homeport.files import write_atomically
from homeport.host.owners import group_name, user_name

_MODE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptProcess:
    """A process, with everything that it was started with.

    Attributes:
        pid, started: which one it is; of the new one, once it was started again.
        program: the file that runs.
        arguments: with the name that it was called by.
        variables: of its environment; they may be secret, so that ``repr`` leaves them out.
        directory: where it was started, or went to since.
        uid, gid, groups, umask: whom it runs as.
        output, errors: files that it appends to; None where it writes elsewhere.
        ports: that it, or a child of it, listens on.
        data_owner: user and group that owned its data directory.
    """

    pid: int
    started: int
    program: str
    arguments: tuple[str, ...]
    variables: dict[str, str]
    directory: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    umask: int
    output: str | None
    errors: str | None
    ports: tuple[int, ...]

    def __repr__(self) -> str:
        return f"KeptProcess(pid={self.pid}, program={self.program!r}, variables of {len(self.variables)} names)"

    def write(self, file: Path) -> None:
        """Puts it down; only its owner may read it."""
        write_atomically(file, json.dumps(asdict(self), indent=1) + "\n", mode=_MODE)

    @classmethod
    def read(cls, file: Path) -> Self:
        """What was written.

        Raises:
            HomeportError: it is none, or gone.
        """
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            return cls(
                **{**found, **{name: tuple(found[name]) for name in ("arguments", "groups", "ports")}},
            )
        except FileNotFoundError:
            raise HomeportError(f"{file}, which says how the server was started by hand, is gone.") from None
        except (ValueError, TypeError, KeyError):
            raise HomeportError(f"{file} does not say how a server was started by hand.") from None

    def as_of(self, pid: int, started: int) -> KeptProcess:
        """The same, for the process that was started in its place."""
        return replace(self, pid=pid, started=started)


def owner_before(file: Path) -> Ownership:
    """As whom the kept process ran, and so whose its data were.

    Raises:
        HomeportError: the file is none, or gone.
    """
    kept = KeptProcess.read(file)
    return Ownership(user_name(kept.uid), group_name(kept.gid))


def started_ticks(pid: int) -> int | None:
    """When a process began, in ticks since the machine booted; None where there is none of that number."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name is between parentheses, and may hold any of them.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def look_closely(pid: int, started: int) -> KeptProcess:
    """Everything that a process was started with.

    Raises:
        HomeportError: it has ended, or this user may not see it.
    """
    place = Path(f"/proc/{pid}")
    try:
        status = (place / "status").read_text(encoding="utf-8", errors="replace")
        arguments = os.fsdecode((place / "cmdline").read_bytes()).split("\0")[:-1]
        told = os.fsdecode((place / "environ").read_bytes()).split("\0")
        found = KeptProcess(
            pid=pid,
            started=started,
            program=str((place / "exe").readlink()).removesuffix(" (deleted)"),
            arguments=tuple(arguments),
            variables=dict(line.split("=", 1) for line in told if "=" in line),
            directory=str((place / "cwd").readlink()),
            uid=int(_numbers(status, "Uid")[1]),
            gid=int(_numbers(status, "Gid")[1]),
            groups=tuple(map(int, _numbers(status, "Groups"))),
            umask=int(_numbers(status, "Umask")[0], 8),
            output=_file(place / "fd" / "1"),
            errors=_file(place / "fd" / "2"),
            ports=listened_on(pid),
        )
    except (OSError, ValueError, IndexError) as error:
        raise HomeportError(f"How process {pid} was started cannot be told: {error}.") from None
    if started_ticks(pid) != started:
        raise HomeportError(f"Process {pid}, which was to be adopted, has ended.", "Run the command again.")
    if not found.arguments:
        raise HomeportError(f"Process {pid} has no arguments that it could be started again with.")
    return found


def family_of(pid: int) -> list[psutil.Process]:
    """A process and all that it started, as far as they are its children still."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def listened_on(pid: int) -> tuple[int, ...]:
    """The TCP ports that a process or a child of it listens on."""
    family = {process.pid for process in family_of(pid)}
    return tuple(
        sorted(
            {
                one.laddr.port
                for one in psutil.net_connections("tcp")
                if one.status == psutil.CONN_LISTEN and one.pid in family and one.laddr
            }
        )
    )


def _numbers(status: str, name: str) -> list[str]:
    found: Any = re.search(rf"^{name}:(.*)$", status, re.MULTILINE)
    return found[1].split() if found else []


def _file(link: Path) -> str | None:
    try:
        target = str(link.readlink())
        return target if stat.S_ISREG(link.stat().st_mode) and target.startswith("/") else None
    except OSError:
        return None
