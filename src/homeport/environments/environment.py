"""One environment as a frozen value that every path, port, unit name and URL is derived from.

Nobody else joins a path or writes an address: the faults of the proposal (a unit, a backup and a server that
disagree on the data directory) cannot be written down that way.
"""

from __future__ import annotations

import ipaddress
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from homeport.contract import (
    BACKUPS_FILE,
    DATABASE_FILE,
    IDENTITY_FILE,
    LOCK_FILE,
    SNAPSHOT_FILE,
    Auth,
    DatabaseAddress,
    LogFormat,
    ServeSettings,
)
from homeport.contract.database import Keeping
from homeport.contract.pushes import PushSettings
from homeport.contract.survey import SURVEY_FILE
from homeport.database_url import parse_database_url
from homeport.environments.backup_settings import BackupSettings
from homeport.environments.deploy_settings import DeploySettings
from homeport.environments.follow_settings import FollowSettings
from homeport.environments.paths import absolute
from homeport.environments.proxy import Proxy, Schedules
from homeport.environments.services.service import CURRENT, SLOTS_DIRECTORY, Service

_TOKEN_HEADER: Final = "Authorization: Bearer $HOMEPORT_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A declared environment. All paths are absolute and normalised; ports are TCP ports of :attr:`listen`."""

    name: str
    root: PurePosixPath
    directory: PurePosixPath
    """All that belongs to it alone, unless declared elsewhere."""
    data_directory: PurePosixPath
    database: DatabaseAddress | None
    """None where the data are in a file of the data directory."""
    backups_directory: PurePosixPath
    protected: bool
    listen: str
    http_port: int
    declared_sse_port: int | None
    """Also where SSE is off; see :attr:`sse_port`."""
    protocols: tuple[str, ...]
    unit: str
    auth: Auth
    rate_limit: int
    allowed_hosts: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    """Who is believed for whom it asks."""
    oauth_host: str | None
    """Where clients sign in with OAuth; None where they cannot."""
    log_format: LogFormat
    backup: BackupSettings
    """How its data are protected."""
    service: Service
    """What runs as its server."""
    deploy: DeploySettings
    follow: FollowSettings
    """Which branches are brought here by themselves."""

    @property
    def is_foreign(self) -> bool:
        """Whether its server is another program than Homeport's own."""
        return bool(self.service.command)

    user: str
    """Whom its server runs as, and its data belong to, where it was provisioned."""
    proxy: Proxy | None
    schedules: Schedules
    credentials: tuple[tuple[str, PurePosixPath], ...]
    """Names and files of what systemd hands to the server."""
    alarm: tuple[str, ...]

    @property
    def offers_http(self) -> bool:
        """Whether ``/mcp`` is there."""
        return "http" in self.protocols

    @property
    def sse_port(self) -> int | None:
        """None where the environment does not offer HTTP+SSE."""
        return self.declared_sse_port if "sse" in self.protocols else None

    @property
    def ports(self) -> dict[str, int]:
        """The ports it listens on, by the name of the setting that gives them."""
        ports = {"http_port": self.http_port}
        if self.sse_port is not None:
            ports["sse_port"] = self.sse_port
        return ports

    @property
    def releases_directory(self) -> PurePosixPath:
        return self.directory / "releases"

    @property
    def current_release(self) -> PurePosixPath:
        """The link to the release that runs."""
        return self.directory / CURRENT

    @property
    def repository(self) -> PurePosixPath:
        """The bare git repository that people push to: one for all environments of a root."""
        return self.root / "repository.git"

    @property
    def requests_directory(self) -> PurePosixPath:
        """What signed webhooks ask for; its server writes it, and another user acts on it."""
        return self.directory / "requests"

    @property
    def webhook_secret(self) -> PurePosixPath | None:
        """The file with what a forge signs with; None where no webhooks are taken."""
        secret = self.follow.webhook_secret
        return absolute(self.root, secret) if secret else None

    @property
    def takes_webhooks(self) -> bool:
        """Whether a forge may ask for a branch."""
        return bool(self.follow.webhook_secret)

    @property
    def runs_releases(self) -> bool:
        """Whether its server is Homeport's own, in releases that are built from commits."""
        return self.service.source is not None and not self.is_foreign

    def slot_link(self, slot: str) -> PurePosixPath:
        """The link to what a slot of its unit runs, which changes only while that slot does not run."""
        return self.directory / SLOTS_DIRECTORY / slot

    @property
    def logs_directory(self) -> PurePosixPath:
        return self.directory / "logs"

    @property
    def log_file(self) -> PurePosixPath:
        """What a server that runs as a plain process says."""
        return self.logs_directory / "server.log"

    @property
    def pid_file(self) -> PurePosixPath:
        """Which plain process its server is."""
        return self.directory / "server.pid"

    @property
    def end_file(self) -> PurePosixPath:
        """How its last plain process ended."""
        return self.directory / "server.end"

    @property
    def reload_file(self) -> PurePosixPath:
        """What is wrong with its source, where the server is exchanged whenever that changes."""
        return self.directory / "server.reload"

    @property
    def journal_directory(self) -> PurePosixPath:
        """What was begun and how far it came."""
        return self.directory / "journal"

    @property
    def backups_file(self) -> PurePosixPath:
        """What is proven of its backups; see :class:`homeport.contract.BackupRecord`."""
        return self.journal_directory / BACKUPS_FILE

    @property
    def replica_directory(self) -> PurePosixPath | None:
        """Where a replica of the database is kept; None where none is declared."""
        return PurePosixPath(self.backup.continuous) / self.name if self.backup.continuous else None

    @property
    def replication_directory(self) -> PurePosixPath:
        """What the program that keeps the replica needs to remember."""
        return self.directory / "replication"

    @property
    def directories(self) -> tuple[PurePosixPath, ...]:
        """What must exist before it can start, outermost first."""
        return (
            self.directory,
            self.data_directory,
            self.backups_directory,
            self.logs_directory,
            self.journal_directory,
            *((self.requests_directory,) if self.takes_webhooks else ()),
        )

    @property
    def private_directories(self) -> tuple[PurePosixPath, ...]:
        """Those of :attr:`directories` that hold what people wrote to each other."""
        return (self.data_directory, self.backups_directory)

    @property
    def database_file(self) -> PurePosixPath:
        return self.data_directory / DATABASE_FILE

    @property
    def identity_file(self) -> PurePosixPath:
        return self.data_directory / IDENTITY_FILE

    @property
    def lock_file(self) -> PurePosixPath:
        return self.data_directory / LOCK_FILE

    @property
    def snapshot_file(self) -> PurePosixPath:
        return self.data_directory / SNAPSHOT_FILE

    @property
    def service_unit(self) -> str:
        """The template of the units that run it."""
        return f"{self.unit}@.service"

    @property
    def socket_unit(self) -> str:
        return f"{self.unit}.socket"

    @property
    def sse_socket_unit(self) -> str:
        """Its own, since all sockets of a unit have one name for the server."""
        return f"{self.unit}-sse.socket"

    def slot_unit(self, slot: str) -> str:
        """The unit of one slot: ``homeport-production@blue.service``."""
        return f"{self.unit}@{slot}.service"

    @property
    def http_url(self) -> str:
        """The base of the HTTP port, without a slash at the end."""
        return self.url_of(self.http_port)

    @property
    def mcp_url(self) -> str | None:
        return f"{self.http_url}/mcp" if self.offers_http else None

    @property
    def health_url(self) -> str:
        health = self.service.health
        return f"{self.http_url}{health}" if health.startswith("/") else health

    @property
    def sse_url(self) -> str | None:
        return f"{self.url_of(self.sse_port)}/sse" if self.sse_port is not None else None

    @property
    def oauth_url(self) -> str | None:
        """Of ``/mcp`` for clients that sign in with OAuth; None where they cannot."""
        return f"https://{self.oauth_host}/mcp" if self.oauth_host is not None and self.offers_http else None

    @property
    def client_name(self) -> str:
        """What a client should call its connection, so that no other is mistaken for production."""
        return "homeport" if self.name == "production" else f"homeport-{self.name}"

    @property
    def connect_command(self) -> list[str]:
        """The arguments that connect Claude Code to it, by the newest protocol that it offers."""
        add = ["claude", "mcp", "add", "--transport"]
        header = ["--header", _TOKEN_HEADER] if self.auth == "tokens" else []
        if self.mcp_url is not None:
            return [*add, "http", self.client_name, self.mcp_url, *header]
        return [*add, "sse", self.client_name, self.sse_url or "", *header]

    @property
    def connect_line(self) -> str:
        """:attr:`connect_command` for a shell, which puts the token in."""
        words = [f'"{word}"' if word == _TOKEN_HEADER else shlex.quote(word) for word in self.connect_command]
        return " ".join(words)

    def url_of(self, port: int) -> str:
        """The base of a port, as this machine calls it, without a slash at the end."""
        address = ipaddress.ip_address(self.listen)
        if address.is_unspecified:
            # "Every address" is none that one can call; the server listens on this one too.
            address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
        return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"

    def serve_settings(
        self, version: str, *, release: str | None = None, log_format: LogFormat | None = None
    ) -> ServeSettings:
        """What the server half is told."""
        return ServeSettings(
            environment=self.name,
            data_directory=str(self.data_directory),
            listen=self.listen,
            http_port=self.http_port,
            sse_port=self.sse_port,
            version=version,
            release=release,
            protected=self.protected,
            streamable_http=self.offers_http,
            auth=self.auth,
            rate_limit=self.rate_limit,
            allowed_hosts=self.allowed_hosts,
            allowed_origins=self.allowed_origins,
            trusted_proxies=self.trusted_proxies,
            oauth_host=self.oauth_host,
            log_format=log_format or self.log_format,
            state_file=str(self.backups_file),
            survey_file=str(self.journal_directory / SURVEY_FILE),
            database=self.database,
            pushes=self._pushes(),
        )

    def _pushes(self) -> PushSettings | None:
        if self.webhook_secret is None:
            return None
        return PushSettings(
            branches=tuple(self.follow.branches),
            secret_file=str(self.webhook_secret),
            requests_directory=str(self.requests_directory),
        )

    @property
    def keeping(self) -> Keeping:
        """What its data are in."""
        return "file" if self.database is None else "database"

    @property
    def data_place(self) -> str:
        """Where its data are, for people: the data directory, or the database."""
        if self.database is None:
            return str(self.data_directory)
        return f"database {parse_database_url(self.database.url).place}"

    def as_json(self) -> dict[str, object]:
        """Everything that it is and that is derived from it, for ``homeport config show``."""
        return {
            "environment": self.name,
            "protected": self.protected,
            "listen": self.listen,
            "auth": self.auth,
            "rate_limit": self.rate_limit,
            "http_port": self.http_port,
            "sse_port": self.sse_port,
            "protocols": list(self.protocols),
            "mcp_url": self.mcp_url,
            "sse_url": self.sse_url,
            "http_url": self.http_url,
            "health_url": self.health_url,
            "directory": str(self.directory),
            "data": str(self.data_directory),
            "database": self.database.url if self.database is not None else None,
            "backups": str(self.backups_directory),
            "releases": str(self.releases_directory),
            "logs": str(self.logs_directory),
            "journal": str(self.journal_directory),
            "unit": self.unit,
            "service_unit": self.service_unit,
            "socket_unit": self.socket_unit,
            "allowed_hosts": list(self.allowed_hosts),
            "allowed_origins": list(self.allowed_origins),
            "trusted_proxies": list(self.trusted_proxies),
            "oauth_host": self.oauth_host,
            "oauth_url": self.oauth_url,
            "log_format": self.log_format,
            **self.service.as_json(),
            "backup": self.backup.model_dump(mode="json"),
            "deploy": self.deploy.model_dump(mode="json"),
            "follow": self.follow.model_dump(mode="json"),
            "repository": str(self.repository),
            "connect": self.connect_command,
        }
