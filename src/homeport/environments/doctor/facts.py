"""What the doctor knows of a machine: values, as they were seen, without judgement.

What could not be seen (another user's process, a directory one may not list) is None or absent, and never guessed.
Paths are absolute, with symbolic links followed; times have a zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import Literal

from homeport.contract.database import DatabaseState
from homeport.environments.machine.drift import Drift
from homeport.environments.steps import Ownership
from homeport.environments.unresolved import Unresolved


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFact:
    """A process that listens on a port, or works in a directory, that an environment declares."""

    pid: int
    command: str
    user: str
    directory: PurePosixPath | None
    """Where it works."""
    unit: str | None
    """The systemd service it belongs to; None for one that was started by hand."""
    started: datetime
    ports: tuple[int, ...] = ()
    """TCP ports that it listens on."""
    files: tuple[PurePosixPath, ...] = ()
    """Regular files that it has open for writing."""
    sqlite: str | None = None
    """The version of the SQLite library that it has loaded, where that could be told."""

    def __str__(self) -> str:
        where = f" in {self.directory}" if self.directory else ""
        whose = f"of the unit {self.unit}" if self.unit else "started by hand"
        return f"process {self.pid} ({self.command}){where}, {whose}, since {self.started:%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFact:
    """A service unit of systemd, as ``systemctl show`` has it."""

    name: str
    active: str
    """``ActiveState``: active, activating, failed, inactive."""
    sub: str
    """``SubState``: running, auto-restart, dead."""
    result: str
    """``Result``: success, exit-code, start-limit-hit, watchdog."""
    exit_status: int
    """``ExecMainStatus``: the exit code, or the number of a signal."""
    restarts: int
    needs_reload: bool
    file: PurePosixPath | None
    command: str
    directory: PurePosixPath | None
    writable: tuple[PurePosixPath, ...]
    """What the sandbox lets it write: ReadWritePaths, and the directories that systemd makes for it."""
    sandboxed: bool
    """Whether everything else is read-only to it (``ProtectSystem=strict``)."""
    restart: str
    """``Restart``."""
    restart_seconds: float
    limit_seconds: float
    """``StartLimitIntervalUSec``; 0 for no limit."""
    limit_burst: int
    main_pid: int | None
    enabled: bool
    last_lines: tuple[str, ...] = ()
    """The end of its journal, the service manager's own words included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFact:
    """A file that looks like a backup."""

    path: PurePosixPath
    size: int
    modified: datetime
    opens: bool
    """Whether it could be read to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFact:
    """Something that is run on a schedule and speaks of one of the directories: a line of a crontab, or a timer."""

    source: str
    """``/etc/cron.d/backup, line 3``; ``homeport-production-backup.timer``."""
    file: PurePosixPath | None
    """Where it stands."""
    line: str
    """The line as it is; the unit's command for a timer."""
    command: str
    paths: tuple[PurePosixPath, ...]
    """Absolute paths in the command and in the script that it runs, in their order."""
    last_run: datetime | None
    """None where that cannot be told, or it never was."""
    overdue: bool
    """Whether by its schedule it should have run since."""
    failed: str
    """How the last run failed; empty where it did not or nobody knows."""
    archives: tuple[ArchiveFact, ...] = ()
    """What lies in the directories that it names, the newest first."""
    text: str = ""
    """The whole crontab that the line is in; empty for a timer."""
    mode: int = 0o644
    owner: Ownership | None = None
    """Of :attr:`file`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryFact:
    """A directory that is, or looks like, a data directory, or that is declared."""

    path: PurePosixPath
    exists: bool
    kind: Literal["homeport", "json-v1", "sqlite", "alike", "files", "empty", "unknown"] = "unknown"
    """What lies in it: ``alike`` has the names of a declared data directory of another server than Homeport's own;
    ``unknown`` may not be looked into."""
    environment: str | None = None
    """Whose it says it is (``identity.json``)."""
    database: str | None = None
    """The name of the database that its data are in (``database.json``)."""
    files: int = 0
    size: int = 0
    newest: datetime | None = None
    """The latest change of a file in it."""
    mode: int = 0
    owner: str = ""
    device: int = 0
    read_only: bool = False
    """Whether its file system is mounted so."""
    free: int = 0
    total: int = 0
    """Bytes of its file system."""
    tracked: PurePosixPath | None = None
    """The git repository that has files of it in its index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFact:
    """A file that holds secrets and can be read by others than its owner."""

    path: PurePosixPath
    mode: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationFact:
    """A ``location`` of nginx that passes requests on."""

    file: PurePosixPath
    line: int
    names: tuple[str, ...]
    """The server's names."""
    modifier: str
    """``=``, ``^~``, ``~``, ``~*`` or nothing."""
    path: str
    upstream: str
    """What ``proxy_pass`` says."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What ``add_header`` and ``proxy_set_header`` say, names in small letters; inherited ones included."""
    buffering: bool = True
    http_version: str = "1.0"
    read_timeout: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyFacts:
    """nginx's real configuration."""

    error: str = ""
    """What ``nginx -t`` says where it refuses."""
    locations: tuple[LocationFact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthFact:
    """What an environment's health URL answered."""

    answered: bool
    healthy: bool
    reason: str
    environment: str | None = None
    data_directory: PurePosixPath | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFacts:
    """How an environment's own backups are (:mod:`homeport.environments.backups`)."""

    seen: bool = True
    """Whether this user may look at them; what may not be seen is not judged."""
    last_good: datetime | None = None
    last_failure: str = ""
    """Why the newest attempt failed; empty where it did not."""
    last_drill: datetime | None = None
    drill_failure: str = ""
    sizes: tuple[int, ...] = ()
    """Bytes of data in the good ones, the newest first."""
    broken: tuple[str, ...] = ()
    """Archives that are not what their record says, with the reason."""
    device: int | None = None
    elsewhere: bool = False
    """Whether a copy lies on another disk or machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaFact:
    """How the declared replica of a database is."""

    running: bool
    """Whether a Litestream runs for it."""
    wanted: bool
    """Whether one should: somebody has the data open, or a unit is there for it."""
    newest: datetime | None = None
    """The last moment that it can give back."""
    last_event: datetime | None = None
    """When the last thing happened in the data."""
    problem: str = ""
    """Why it cannot be asked; empty where it can."""
    proof_failure: str = ""
    """Why its last drill found it not good; empty where it did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """All that was gathered."""

    now: datetime
    host: str = ""
    sees_all: bool = True
    """Whether whoever looked may see other users' processes."""
    managed: bool = False
    """Whether systemd runs this machine."""
    processes: tuple[ProcessFact, ...] = ()
    units: tuple[UnitFact, ...] = ()
    unread: tuple[str, ...] = ()
    """Of the units that environments have besides their servers (sockets, timers and what they start), the names of
    those that were changed on disk since systemd read them."""
    jobs: tuple[JobFact, ...] = ()
    directories: tuple[DirectoryFact, ...] = ()
    secrets: tuple[SecretFact, ...] = ()
    proxy: ProxyFacts | None = None
    """None where there is no nginx."""
    health: Mapping[str, HealthFact] = field(default_factory=dict)
    backups: Mapping[str, BackupFacts] = field(default_factory=dict)
    replicas: Mapping[str, ReplicaFact] = field(default_factory=dict)
    """Of the environments that declare one, as far as this user may look at it."""
    databases: Mapping[str, DatabaseState] = field(default_factory=dict)
    """Of the environments that declare one."""
    identities: Mapping[str, str] = field(default_factory=dict)
    """By environment, the id in the ``identity.json`` of its data directory, where there is one."""
    drift: Mapping[str, tuple[Drift, ...]] = field(default_factory=dict)
    """By environment, what differs from what was provisioned."""
    provisioned: frozenset[str] = frozenset()
    """Environments whose units stand on this machine."""
    unresolved: Mapping[str, tuple[Unresolved, ...]] = field(default_factory=dict)
    """By environment, operations that came to no good end and that nobody is at now."""
    clock: str = ""
    """What is wrong with the clock, in words; empty where nothing is, or nobody knows."""

    def directory(self, path: PurePosixPath) -> DirectoryFact | None:
        """What is known of a directory."""
        return next((one for one in self.directories if one.path == path), None)

    def holder(self, port: int) -> ProcessFact | None:
        """The process that listens on a port."""
        return next((one for one in self.processes if port in one.ports), None)

    def unit(self, name: str) -> UnitFact | None:
        """The unit of a name."""
        return next((one for one in self.units if one.name == name), None)
