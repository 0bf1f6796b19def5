"""``homeport serve ENV``."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from homeport import __version__, server
from homeport.cli.databases import database_of_copy, handed
from homeport.cli.declared import declaration_of
from homeport.contract import ServeSettings
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.errors import CannotStartError, UsageError
from homeport.host.parent import end_with_parent
from homeport.host.ports import check_ports
from homeport.host.services.pid_file import MARK
from homeport.identity import check_owner
from homeport.whereabouts import check_whereabouts


def run(arguments: Namespace) -> int:
    """Serves one environment until it is told to end.

    Raises:
        CannotStartError: the data are another's, or a port is held by another process.
        UsageError: the declaration is wrong, or the arguments contradict each other.
    """
    if arguments.with_parent is not None:
        end_with_parent(arguments.with_parent)
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    if arguments.reload:
        from homeport.cli import reload

        return reload.run(declaration, environment)
    if environment.is_foreign:
        become(environment)
    settings = settings_of(environment, arguments)
    # The data before the ports: of two things that are wrong, the one that could do harm is named.
    check_whereabouts(Path(settings.data_directory), settings.database)
    owner = check_owner(Path(settings.data_directory), environment.name)
    if settings.rehearsal and owner is None:
        raise CannotStartError(f"{settings.data_directory} holds no data.", "Restore or copy some into it first.")
    if settings.standby and not server.sockets_are_handed():
        raise UsageError(
            "--standby needs sockets that a service manager hands over: two servers cannot bind one port.",
            "Leave --standby out, or start it by its socket units.",
        )
    binds = settings.on_ports and not server.sockets_are_handed()
    if binds:
        check_ports(environment.listen, environment.ports)
    try:
        # Under systemd a unit keeps the replica.
        plain = binds or MARK in os.environ
        with _replicated(environment, declaration, alone=plain and not settings.rehearsal):
            return int(server.run(settings))
    except CannotStartError as error:
        if binds and "port" in error.details:
            # Somebody was quicker since the check; it is named as it would have been then.
            check_ports(environment.listen, environment.ports)
        raise


@contextmanager
def _replicated(environment: Environment, declaration: Declaration, *, alone: bool) -> Iterator[None]:
    """Beside a server that no service manager runs: what keeps the declared replica, for as long as the block runs.

    Where it cannot be kept, the server serves all the same; its log says why, and the doctor notices.
    """
    if environment.replica_directory is None or not alone:
        yield
        return
    words = ("replicate", environment.name, "--config", declaration.file, "--with-parent", str(os.getpid()))
    with subprocess.Popen([sys.executable, "-P", "-m", "homeport", *words], stdin=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def become(environment: Environment) -> NoReturn:
    """Turns this process into the server that an environment declares in place of Homeport's own.

    Raises:
        CannotStartError: a port is held by another process, or the program cannot be run.
    """
    check_ports(environment.listen, environment.ports)
    service = environment.service
    try:
        os.chdir(service.working_directory)
        os.execvpe(service.command[0], service.command, {**os.environ, **dict(service.variables)})  # noqa: S606
    except OSError as error:
        where = error.filename or service.command[0]
        raise CannotStartError(f"The server of {environment.name} cannot be run: {where}: {error.strerror}.") from None


def settings_of(environment: Environment, arguments: Namespace) -> ServeSettings:
    """What the server is told: the declaration, and what the arguments say besides.

    Raises:
        UsageError: they contradict each other.
    """
    release = arguments.release or release_of(Path(sys.prefix), Path(environment.releases_directory))
    settings = environment.serve_settings(__version__, release=release, log_format=arguments.log_format)
    settings = replace(settings, standby=arguments.standby, database=handed(environment.database, os.environ))
    alone, besides = arguments.socket, arguments.also_socket
    if alone and arguments.standby:
        raise UsageError("--standby is for the ports, and --socket for a server that is on none.", "Leave one out.")
    path = alone or besides
    if path is not None:
        settings = replace(settings, socket=_absolute(path), on_ports=alone is None)
    if arguments.data is None:
        return settings
    if alone is None:
        raise UsageError(
            "--data needs --socket: other data than the declared are never served on the declared ports.",
            "Give the server a socket of its own, --socket PATH.",
        )
    data = _absolute(arguments.data)
    if Path(data).resolve() == Path(environment.data_directory).resolve():
        raise UsageError(f"{data} is the declared data directory of {environment.name}.", "Leave --data out.")
    database = handed(database_of_copy(environment, Path(data)), os.environ)
    settings = replace(settings, database=database, state_file=None, survey_file=None)
    return replace(settings, data_directory=data, rehearsal=True)


def release_of(installed: Path, releases: Path) -> str | None:
    """The id of the release that a program belongs to; None where it is no release of the environment.

    Args:
        installed: where the program's own environment is, ``sys.prefix``.
        releases: the directory of the environment's releases.
    """
    found, base = installed.resolve(), releases.resolve()
    return found.relative_to(base).parts[0] if base in found.parents else None


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - as it stands: a link is not followed before it is checked
