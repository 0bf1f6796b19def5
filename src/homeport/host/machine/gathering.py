"""Facts about an environment's machine, for :mod:`homeport.environments.machine`. Changes nothing."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

import homeport
from homeport.environments.environment import Environment
from homeport.environments.machine.facts import FoundDirectory, FoundFile, MachineFacts, NginxFacts, UnitState
from homeport.environments.machine.program import Program
from homeport.environments.machine.record import FILE_NAME, Record, read_record
from homeport.environments.machine.units import UNITS_DIRECTORY, slot_units, socket_units
from homeport.environments.machine.wanted import (
    WantedDirectory,
    owned_directories,
    wanted_directories,
    wanted_files,
    wanted_links,
)
from homeport.environments.services.state import INIT
from homeport.errors import HomeportError
from homeport.host.machine.nginx import find_nginx
from homeport.host.machine.owning import count_strangers, has_user
from homeport.host.machine.systemctl import unit_state
from homeport.host.owners import owner_of
from homeport.host.ports import find_listening
from homeport.host.replication.generations import replica_of
from homeport.host.replication.litestream import find_litestream
from homeport.whereabouts import read_password

_LONGEST: Final = 1 << 20


def this_program(environment: Environment, file: Path) -> Program:
    """What units run: the checkout's program or the current release's, else the one that this process is of."""
    checkout = environment.service.checkout
    own = Path(environment.current_release / "bin" if checkout is None else checkout / ".venv" / "bin") / "python"
    if environment.runs_releases:
        # The link is there from the first provision on; until then it is judged by what it will lead to.
        words = (str(environment.current_release / "bin" / "python"), "-P", "-m", "homeport")
        package = () if own.exists() else (PurePosixPath(Path(homeport.__file__).parent),)
        return Program(words, PurePosixPath(file), package, PurePosixPath(sys.prefix))
    # -P keeps a directory called homeport in the working directory from being taken for the package.
    python = own if own.exists() else Path(sys.executable)
    package = () if own.exists() else (PurePosixPath(Path(homeport.__file__).parent),)
    return Program((str(python), "-P", "-m", "homeport"), PurePosixPath(file), package)


def gather_facts(environment: Environment, program: Program) -> MachineFacts:
    """Looks at everything that a plan depends on.

    Raises:
        HomeportError: something cannot be read.
    """
    record = find_record(environment)
    nginx = find_nginx(environment.proxy.site) if environment.proxy is not None else _recorded_nginx(record)
    first = MachineFacts(nginx=nginx, record=record)
    recorded = record.files if record is not None else {}
    files = {file.path for file in wanted_files(environment, program, first)} | set(recorded)
    names = {path.name for path in files if path.parent == UNITS_DIRECTORY} | set(slot_units(environment))
    units = {name: unit_state(name) for name in sorted(names) if not name.endswith("@.service")}
    return MachineFacts(
        users=frozenset({environment.user} if has_user(environment.user) else ()),
        files=_files(files),
        directories=_directories(environment),
        units=units,
        ports_held=_ports_held(environment, units),
        closed=tuple(_closed(program)),
        lacking=_lacking(environment),
        nginx=nginx,
        record=record,
        has_logrotate=Path("/etc/logrotate.d").is_dir(),
        links=_links(wanted_links(environment)),
        has_release=not _waits_for_a_release(environment),
    )


def _lacking(environment: Environment) -> tuple[tuple[str, str], ...]:
    """Secrets that systemd is to hand over; what the replica needs: the program, and the disk."""
    lacking = [
        (
            f"There is no {file}, which the server of {environment.name} is to be handed by systemd.",
            f"Write it, of mode 0600 and root's, or take it out of the declaration of {environment.name}.",
        )
        for _, file in environment.credentials
        if _is_missing(Path(file))
    ]
    lacking += _unfit_password(environment)
    if environment.replica_directory is not None:
        try:
            find_litestream(environment)
            replica_of(environment)
        except HomeportError as error:
            lacking.append((error.sentence, error.hint))
    return tuple(lacking)


def _unfit_password(environment: Environment) -> list[tuple[str, str]]:
    """Why the password of the database is none that commands would use; nothing where this user cannot look."""
    address = environment.database
    if address is None or address.password_file is None or not os.access(address.password_file, os.R_OK):
        return []
    try:
        read_password(address)
    except HomeportError as error:
        return [(error.sentence, error.hint)]
    return []


def make_journal_directory(directory: Path) -> None:
    """Where operations are written down before they happen, with what is above it; one that stands stays as it is."""
    for path in (*reversed(directory.parents), directory):
        if not path.exists():
            path.mkdir()
            path.chmod(0o755)


def find_record(environment: Environment) -> Record | None:
    """What was provisioned last.

    Raises:
        HomeportError: it is damaged.
    """
    file = Path(environment.journal_directory) / FILE_NAME
    try:
        return read_record(file.read_text(encoding="utf-8"), str(file))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise HomeportError(f"{file} is not UTF-8 text.", "Move it away.") from None


def _recorded_nginx(record: Record | None) -> NginxFacts | None:
    return find_nginx(record.site) if record is not None and record.site is not None else None


def _files(paths: Iterable[PurePosixPath]) -> dict[PurePosixPath, FoundFile]:
    found = {}
    for path in paths:
        real = Path(path)
        try:
            status = real.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        text = None
        if stat.S_ISREG(status.st_mode) and status.st_size <= _LONGEST:
            try:
                text = real.read_bytes().decode()
            except (PermissionError, UnicodeDecodeError):
                text = None
        found[path] = FoundFile(text, stat.S_IMODE(status.st_mode))
    return found


def _waits_for_a_release(environment: Environment) -> bool:
    """Whether it runs a program of releases, of which there is none yet."""
    return (
        environment.is_foreign
        and environment.service.source is not None
        and not Path(environment.current_release).exists()
    )


def _links(paths: Iterable[PurePosixPath]) -> dict[PurePosixPath, PurePosixPath]:
    return {path: PurePosixPath(Path(path).readlink()) for path in paths if Path(path).is_symlink()}


def _directories(environment: Environment) -> Mapping[PurePosixPath, FoundDirectory]:
    found = {}
    for wanted in wanted_directories(environment):
        path = Path(wanted.path)
        if path.is_dir():
            strangers = _strangers(wanted) if wanted.path in owned_directories(environment) else 0
            found[wanted.path] = FoundDirectory(stat.S_IMODE(path.stat().st_mode), owner_of(path), strangers)
    return found


def _strangers(wanted: WantedDirectory) -> int:
    return count_strangers(Path(wanted.path), wanted.owner)


def _ports_held(environment: Environment, units: Mapping[str, UnitState]) -> dict[int, str]:
    """By port, who holds it that is neither systemd for our socket nor our service."""
    held = {}
    sockets = dict(zip(environment.ports.values(), socket_units(environment), strict=False))
    # Nobody is connected to: that would start what a socket waits for.
    for found in find_listening(environment.ports):
        socket = units.get(sockets.get(found.port, ""), UnitState())
        strangers = [
            holder
            for holder in found.holders
            if holder.unit not in slot_units(environment) and not (holder.pid in (INIT, None) and socket.active)
        ]
        if strangers:
            held[found.port] = str(strangers[0])
    return held


def _closed(program: Program) -> Iterable[str]:
    """What a user who is nobody could not reach of what units run."""
    python = PurePosixPath(program.words[0])
    if program.installed is not None and not Path(python).exists():
        python = program.installed / "bin" / "python"
    for path in (python, *program.reads, program.file):
        for real in dict.fromkeys((Path(path), Path(path).resolve())):
            found = first_closed(real)
            if found is not None:
                yield f"{found} is closed to other users, so that the server's user could not reach {path}."
                break


def _is_missing(path: Path) -> bool:
    """Whether a file is not there; one that this user may not look at is believed to be."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def first_closed(path: Path) -> Path | None:
    """The first of a path and the directories above it that others may not pass or read, or is not there."""
    for one in (*reversed(path.parents), path):
        try:
            mode = one.stat().st_mode
        except OSError:
            return one
        needed = stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH
        if not mode & needed:
            return one
    return None
