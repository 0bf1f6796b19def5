"""A real PostgreSQL from Debian's package: a cluster of its own on a free port, and databases made in milliseconds."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psutil
import psycopg

from homeport.contract import DatabaseAddress
from tests.support.ports import free_ports
from tests.support.waiting import until

ROLE: Final = "homeport"
"""Owns the databases of tests; over TCP it shows a password."""
PASSWORD: Final = "a password of tests"
_INSTALLED: Final = Path("/usr/lib/postgresql")
# Nothing here outlives a power failure, and nothing need: what a test kills are processes.
_SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_wal_size": "256MB",
    "max_connections": "100",
    "log_min_messages": "fatal",
    "timezone": "UTC",
    # So that a test knows what goes on in its database: nothing that it did not begin.
    "autovacuum": "off",
}
_ACCESS: Final = """\
local all all trust
host all all 0.0.0.0/0 scram-sha-256
host all all ::1/128 scram-sha-256
"""


def find_postgres() -> Path | None:
    """The directory of the newest server's programs; None where none is installed."""
    versions = {int(one.name): one / "bin" for one in _INSTALLED.glob("[0-9]*") if (one / "bin/initdb").exists()}
    if versions:
        return versions[max(versions)]
    found = shutil.which("initdb")
    return None if found is None else Path(found).resolve().parent


@dataclass
class Cluster:
    """A PostgreSQL server of its own.

    Attributes:
        programs: the directory of ``postgres``, ``pg_dump`` and the like.
        directory: of its data, its socket, its log and the file with :data:`PASSWORD`.
        address: on which it listens besides its socket.
        port: of both.
        prefix: what its process is started through, such as ``ip netns exec NAME``.
    """

    programs: Path
    directory: Path
    address: str
    port: int
    prefix: Sequence[str] = ()
    _process: subprocess.Popen[bytes] | None = None
    _names: Iterator[int] = field(default_factory=count)
    _templates: set[str] = field(default_factory=set)

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.directory / "log"

    @property
    def pid(self) -> int:
        """Of its first process."""
        assert self._process is not None
        return self._process.pid

    @property
    def password_file(self) -> Path:
        """Mode 0600, this user's."""
        return self.directory / "password"

    def url(self, database: str, *, tcp: bool = False, role: str = ROLE) -> str:
        """Where a database is: over the socket, where nobody needs a password, or over TCP, where everybody does."""
        if tcp:
            return f"postgresql://{role}@{self.address}:{self.port}/{database}"
        return f"postgresql://{role}@/{database}?host={quote(str(self.directory), safe='')}&port={self.port}"

    def database(self, address: DatabaseAddress) -> str:
        """The name of the database at an address."""
        return str(psycopg.conninfo.conninfo_to_dict(address.url)["dbname"])

    def create(self, *, tcp: bool = False, template: str = "template0") -> DatabaseAddress:
        """A new database, empty or the copy of a template."""
        name = f"test_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template} ENCODING 'UTF8'")
        return DatabaseAddress(self.url(name, tcp=tcp), str(self.password_file) if tcp else None)

    def drop(self, address: DatabaseAddress) -> None:
        """Removes a database, whoever is connected."""
        self.execute(f"DROP DATABASE IF EXISTS {self.database(address)} WITH (FORCE)")

    def beside(self, address: DatabaseAddress) -> list[str]:
        """The names of the databases that are made for one, or kept of it."""
        rows = self.execute("SELECT datname FROM pg_database ORDER BY datname")
        return [name for (name,) in rows if name.startswith(f"{self.database(address)}_")]

    def drop_all(self, address: DatabaseAddress) -> None:
        """Removes a database and all that are beside it."""
        for name in self.beside(address):
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")
        self.drop(address)

    def template(self, name: str, fill: Callable[[DatabaseAddress], None]) -> str:
        """The name of a template that ``fill`` has filled, once for this cluster."""
        if name not in self._templates:
            self.execute(f"CREATE DATABASE {name} OWNER {ROLE} TEMPLATE template0 ENCODING 'UTF8'")
            fill(DatabaseAddress(self.url(name)))
            self._templates.add(name)
        return name

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """A connection of the superuser; every statement is a transaction."""
        return psycopg.connect(self.url(database, role="postgres"), autocommit=True)

    def execute(self, statement: str, database: str = "postgres", values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs a statement as the superuser, with a value for each ``%s`` of it; its rows."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def set(self, **settings: str) -> None:
        """Changes settings of the whole cluster, at once where that is possible."""
        for name, value in settings.items():
            self.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        self.execute("SELECT pg_reload_conf()")

    @contextmanager
    def stranger(self) -> Iterator[str]:
        """A role that logs in, and that :data:`ROLE` is no member of; it is gone afterwards."""
        name = f"stranger_{next(self._names)}"
        self.execute(f"CREATE ROLE {name} LOGIN")
        try:
            yield name
        finally:
            self.execute(f"DROP ROLE {name}")

    def connections(self, database: str) -> int:
        """How many there are to a database."""
        rows = self.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", values=[database])
        return int(rows[0][0])

    def terminate(self, database: str) -> None:
        """Ends all connections to a database, as an administrator does."""
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        self.execute(ended, values=[database])

    @property
    def runs(self) -> bool:
        """Whether it was started and not ended."""
        return self._process is not None

    # --- its life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts it and waits until it answers."""
        command = [
            *self.prefix,
            *_as_postgres(),
            # No test that is killed leaves a cluster behind.
            *("setpriv", "--pdeathsig", "INT"),
            *(str(self.programs / "postgres"), "-D", str(self.directory / "data")),
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.directory)
        until(self._answers, within=30)

    def stop(self) -> None:
        """Ends it as an administrator does: what is under way is broken off and undone."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """As ``kill -9`` of all its processes: the next start recovers from its log."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stops and starts it."""
        self.stop()
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """While the block runs it is there and does nothing, as a machine that hangs."""
        assert self._process is not None
        first = psutil.Process(self._process.pid)
        # It first, so that no process begins that the others' list does not have.
        first.suspend()
        others = first.children(recursive=True)
        for one in others:
            one.suspend()
        try:
            yield
        finally:
            for one in (*others, first):
                with suppress(psutil.NoSuchProcess):
                    one.resume()

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        process.send_signal(how)
        if how is signal.SIGKILL:
            # Each of them leads a group of its own; the next start refuses while one of them is there.
            for one in family:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        process.wait(30)
        until(lambda: not any(lives(one) for one in family), within=30)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-2000:]
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def cluster(*, address: str = "127.0.0.1", port: int | None = None, prefix: Sequence[str] = ()) -> Iterator[Cluster]:
    """A cluster that answers, with the role :data:`ROLE`; nothing of it is left afterwards."""
    programs = find_postgres()
    assert programs is not None, "mark this test needs_postgres"
    # Not in pytest's own directory, which only its user may enter, and short enough for the path of a socket.
    directory = Path(tempfile.mkdtemp(prefix="homeport-pg-"))
    directory.chmod(0o755)
    made = Cluster(programs, directory, address, port or free_ports(1)[0], prefix)
    try:
        _make(made)
        made.start()
        made.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        made.execute(f"ALTER ROLE postgres PASSWORD '{PASSWORD}'")
        yield made
    finally:
        made.kill()
        shutil.rmtree(directory, ignore_errors=True)


def _make(made: Cluster) -> None:
    made.password_file.write_text(f"{PASSWORD}\n")
    made.password_file.chmod(0o600)
    made.log.touch()
    data = made.directory / "data"
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (made.directory, data, made.log):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    command = (str(made.programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8")
    options = ("--locale=C.UTF-8", "--no-sync", "--no-instructions")
    subprocess.run([*_as_postgres(), *command, *options], check=True, capture_output=True, cwd=made.directory)
    settings = {
        **_SETTINGS,
        "port": str(made.port),
        "listen_addresses": made.address,
        "unix_socket_directories": str(made.directory),
    }
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    (data / "pg_hba.conf").write_text(_ACCESS)


def lives(process: psutil.Process) -> bool:
    """Whether it is there and not only its exit code."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _as_postgres() -> tuple[str, ...]:
    """What a command begins with to run as a user that PostgreSQL accepts: it refuses root."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups")
