"""What the two halves must agree on, and nothing else.

The environments half (declaration, plans, units) and the coordination half (the server) never import each
other, and at deploy time may be of different versions. They meet in these names: exit codes, the settings
that a unit or a parent process hands to ``homeport serve``, and the files that mark a data directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal, NotRequired, TypedDict

from homeport.contract.database import DatabaseAddress as DatabaseAddress
from homeport.contract.pushes import PushSettings


class ExitCode(IntEnum):
    """Exit codes of every ``homeport`` command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    FINDINGS = 4
    NEEDS_PERSON = 5
    CANNOT_START = 78
    """EX_CONFIG of sysexits.h: a unit has ``RestartPreventExitStatus=78``."""
    INTERRUPTED = 130


APPLICATION: Final = "homeport"
"""The ``application`` in the identity of a data directory that Homeport's own server writes."""

IDENTITY_FILE: Final = "identity.json"
"""Names the environment a data directory belongs to; see :class:`Identity`."""

SNAPSHOT_FILE: Final = "DEVELOPMENT_SNAPSHOT.json"
"""Present where the data came from another environment (the proposal's script 3); see :class:`Origin`."""

MIGRATIONS_FILE: Final = ".homeport-migrations.json"
"""In the data of a server that is not Homeport's, where migrations ran on them: which, and when."""

BACKUPS_FILE: Final = "backups.json"
"""In the journal directory of an environment; see :class:`BackupRecord`."""

HTTP_SOCKET: Final = "http"
"""``FileDescriptorName=`` of the socket that a service manager hands over for the HTTP port."""
SSE_SOCKET: Final = "sse"
"""The same for the SSE port; a ``.socket`` unit has one name for all its sockets, so that each port has a unit."""

DATABASE_FILE: Final = "homeport.db"
BEGINNING_FILE: Final = "beginning"
"""There from before the identity is written until the database is made, so that one that got lost is told apart."""
LOCK_FILE: Final = "server.lock"
"""Held by ``flock`` for as long as a server has the data directory open; its text says who."""
ACCEPTING_FILE: Final = "server.accepting"
STANDBY_FILE: Final = "server.standby"
ERRANDS_FILE: Final = "server.errands"
HOLD_FILE: Final = "server.hold"
"""Held by whoever changes the data while no server may open them: one that starts as a slot waits until it is free.
Its text says which release may open them then; see :func:`may_open`."""
MIGRATING_FILE: Final = "server.migrating"
"""Held by what migrates the data beside a server: for as long as it is, what that server is to write waits."""
LOCK_FILES: Final = frozenset({LOCK_FILE, ACCEPTING_FILE, STANDBY_FILE, ERRANDS_FILE, HOLD_FILE, MIGRATING_FILE})
"""Files in a data directory that hold no data: locks. Those after the first are of a hand-over, see decision 0012."""


def hold_text(release: str) -> str:
    """What stands in :data:`HOLD_FILE` where only one release may open the data; empty for what is no release."""
    return f"only {release}\n"


def may_open(held: str, release: str | None) -> bool:
    """Whether a release may open data of whose hold this is the text."""
    return held == "" or held == hold_text(release or "")


ENVIRONMENT_HEADER: Final = "X-MCP-Environment"
REQUEST_ID_HEADER: Final = "X-Request-ID"


LogFormat = Literal["json", "text"]

Auth = Literal["tokens", "open"]
"""``tokens``: nobody is answered without a token; ``open``: everybody is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """All that the server half is told when it is started; it reads no declaration of its own.

    ``homeport.server.run(settings)`` opens the data directory, serves until SIGTERM or SIGINT, and answers
    an :class:`ExitCode`.
    """

    environment: str
    data_directory: str
    """Absolute; must exist. Its identity is checked, or stamped where the directory is empty."""
    listen: str
    """An IP address, of both ports."""
    http_port: int
    """``/health``, ``/metrics``, ``/api/v1``, the pages, and ``/mcp`` where :attr:`streamable_http`."""
    sse_port: int | None
    """``/sse`` and its message endpoint; None where the environment does not offer that protocol."""
    version: str
    release: str | None = None
    """Commit or release id that the server is started from, where known."""
    protected: bool = False
    streamable_http: bool = True
    """Whether ``/mcp`` is offered; the rest of the HTTP port is always there."""
    auth: Auth = "tokens"
    rate_limit: int = 0
    """Requests a minute for each token, or for each address where no token is shown; 0 for no limit."""
    allowed_hosts: tuple[str, ...] = ()
    """Names besides the loopback ones that the ``Host`` header may have, without a port."""
    allowed_origins: tuple[str, ...] = ()
    """Besides the server's own, the values that the ``Origin`` header may have."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of reverse proxies, and ``unix`` for unix sockets: what they say of a request's origin
    (X-Forwarded-For, X-Real-IP, X-Forwarded-Proto) is believed, and nobody else's word."""
    oauth_host: str | None = None
    """The one name under which clients sign in with OAuth, https in front of it; None for no OAuth at all."""
    log_format: LogFormat = "json"
    socket: str | None = None
    """A unix socket, absolute, on which it answers besides, or alone; mode 0600."""
    standby: bool = False
    """Whether it may open the data beside a server that was started so too, and accepts only once that one stops to."""
    on_ports: bool = True
    """Whether it listens on its ports; where not, :attr:`socket` is its only door."""
    rehearsal: bool = False
    """Whether it acts on nothing outside: it runs on a copy of data, for a drill or to try a release."""
    state_file: str | None = None
    """Where a :class:`BackupRecord` is kept, absolute; the file need not exist."""
    survey_file: str | None = None
    """Where a :class:`~homeport.contract.survey.Survey` is kept, absolute; the file need not exist."""
    database: DatabaseAddress | None = None
    """None where the data are in a file of the data directory."""
    pushes: PushSettings | None = None
    """None where no webhooks of a forge are taken."""


class Identity(TypedDict):
    """The content of ``identity.json``: one JSON object, UTF-8, mode 0644."""

    application: str
    environment: str
    id: str
    """A random UUID that a copy keeps and a sync renews."""
    created: str
    """RFC 3339, UTC."""


class CameFrom(TypedDict):
    """What the health answer says of data that began in another environment; :class:`Origin` says all."""

    environment: str
    """Whose data they were."""
    at: str
    """RFC 3339: when the last thing happened there that is in them."""


class BackupRecord(TypedDict):
    """The content of :data:`BACKUPS_FILE`: written after every proof, read by the server for its health answer."""

    last_backup: str | None
    """RFC 3339: when the last backup was made that was read back and found good."""
    last_drill: str | None
    """RFC 3339: when a backup was last restored into a scratch directory and a server on it answered."""
    proven: bool
    """Whether the last drill succeeded: a backup that was never restored is a hope."""
    replica: NotRequired[str | None]
    """What the doctor last found wrong with the replica; empty where nothing is, None where none is declared."""


class Backups(TypedDict):
    """What the health answer says of backups."""

    state: Literal["proven", "never proven", "unknown"]
    backup_age_seconds: float | None
    drill_age_seconds: float | None
    problem: str | None
    """Why it is unknown, in one sentence."""
    replica: str | None
    """As in :class:`BackupRecord`."""


class Health(TypedDict):
    """The answer of ``GET /health``: status 200 when ``status`` is ``healthy``, else 503."""

    status: Literal["healthy", "unhealthy"]
    environment: str
    version: str
    release: str | None
    """Commit or release id that the server was started from, where known."""
    schema_version: str
    data_directory: str
    database: NotRequired[str | None]
    """The database that holds the data: host, port and name; None where that is a file of the directory."""
    identity: str
    last_backup: str | None
    """RFC 3339 time of the last backup that was read back and found good."""
    last_drill: str | None
    """RFC 3339 time of the last drill; see :class:`BackupRecord`."""
    backups: Backups
    origin: CameFrom | None
    """Where the data came from, if from another environment."""
    rehearsal: bool
    """Whether it is a trial on a copy of data, which acts on nothing outside."""
    standby: bool
    """Whether it waits, ready, for the server that accepts now to stop."""
    uptime_seconds: float
    reasons: list[str]
    """What is wrong, one sentence each; empty when healthy."""


# --- what ``homeport data ...`` answers with --json: one object on stdout, errors as one on stderr -----------------
#
# Exit codes: 0 done; 1 failed, and what was begun is gone; 2 a wrong command line or declaration, or nothing is there;
# 3 refused by a guard (a target that holds something, data that are live, or not FROM's); 4 ``facts`` found problems
# (they are in the answer); 78 the data cannot be opened as ENV's (another's, damaged, unreadable, of a newer schema).

Scrub = Literal["none", "texts", "all"]
"""What is taken out of a copy for another environment, besides the secrets, which always are."""

ProblemCode = Literal[
    "no_identity",
    "bad_identity",
    "foreign",
    "no_database",
    "unreadable",
    "not_a_database",
    "damaged",
    "no_schema",
    "newer_schema",
    "wrong_database",
    "broken_reference",
    "index",
    "counts",
]


class DataProblem(TypedDict):
    """Something that is wrong with a data directory or a snapshot."""

    code: ProblemCode
    text: str
    """One sentence."""


class Origin(TypedDict):
    """The content of ``DEVELOPMENT_SNAPSHOT.json``: where data come from that began in another environment."""

    environment: str
    """Whose data they are now."""
    origin: str
    """The environment they come from."""
    origin_identity: str
    position: int
    """The last event of the origin that is in them."""
    position_at: str | None
    """When that happened; RFC 3339, UTC."""
    prepared_at: str
    """When they were made into data of :attr:`environment`; RFC 3339, UTC."""
    scrub: Scrub


class DataFacts(TypedDict):
    """``homeport data facts DIR``, and part of other answers. What cannot be known for a problem is None or empty."""

    directory: str
    application: str | None
    environment: str | None
    identity: str | None
    """The id."""
    created: str | None
    schema_version: str | None
    pending_migrations: list[str]
    """Revisions that this release would run; none is a problem."""
    previous_release_can_run: bool
    """Whether a server of the release before can go on with these data while the pending migrations run, and after
    them: each says so. Then two releases may have them open, and the way back leaves the data as they are; a release
    that is older than the schema opens them too. Else no server may run meanwhile, and the way back is a copy of the
    data. True where none is pending; releases before 0.1 do not tell, which means no."""
    counts: dict[str, int]
    """Rows by table (``messages``, ``tasks``, ``lessons``, ``tokens``, …)."""
    position: int | None
    """The sequence number of the last event; 0 where nothing happened yet."""
    position_at: str | None
    """When that was; RFC 3339, UTC."""
    files: dict[str, int]
    """Bytes by path within the directory."""
    bytes: int
    origin: Origin | None
    sqlite_version: str
    """Of the library that looked."""
    deep: bool
    problems: list[DataProblem]
    took_seconds: float


class SnapshotTaken(TypedDict):
    """``homeport data snapshot ENV TARGET``: ``facts`` are those of the snapshot, checked."""

    source: str
    """The data directory."""
    live: bool
    """Whether a server had it open."""
    left_out: list[str]
    """What was there and is no regular file."""
    took_seconds: float
    facts: DataFacts


class DataPrepared(TypedDict):
    """``homeport data prepare DIR``."""

    origin: Origin
    removed: dict[str, int]
    """Rows by table that are not in the copy any more."""
    changed: dict[str, int]
    """Rows by table in which something was replaced."""
    took_seconds: float
    facts: DataFacts


class DataUpgraded(TypedDict):
    """``homeport data upgrade DIR``."""

    directory: str
    from_schema: str
    to_schema: str
    ran: list[str]
    """Revisions."""
    rows: dict[str, int]
    """Rows by table that are new, gone or other than before, in the columns that were there before."""
    migrating_seconds: float
    took_seconds: float
    facts: DataFacts


class DataMigrated(TypedDict):
    """``homeport data migrate ENV``: the live data, in one transaction."""

    environment: str
    from_schema: str
    to_schema: str
    ran: list[str]
    """Revisions; each was verified before any of it was kept."""
    live: bool
    """Whether a server had the data open meanwhile."""
    migrating_seconds: float


class MigrationFinding(TypedDict):
    """Something that is not as a migration must have left it."""

    migration: str
    """The revision."""
    text: str
    """One sentence."""


class DataVerified(TypedDict):
    """``homeport data verify DIR``: what the migrations that ran on these data say of them now."""

    directory: str
    schema_version: str
    checked: list[str]
    """Revisions."""
    findings: list[MigrationFinding]
    took_seconds: float
