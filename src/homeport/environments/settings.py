"""The settings of ``homeport.toml``: the one source of its schema, its help and its commented example.

A setting's description is written for the person who reads the example; :mod:`.example` renders it from here.
A setting that is None was not declared: what it is then follows from the environment's name
(:mod:`.names`) or from another setting, and is computed in :mod:`.environment`.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from homeport.contract import Auth, LogFormat
from homeport.environments.backup_settings import BackupSettings
from homeport.environments.deploy_settings import DeploySettings
from homeport.environments.follow_settings import FollowSettings
from homeport.environments.values import (
    Argument,
    Branch,
    CredentialText,
    DatabaseText,
    HealthPlace,
    HostName,
    Listen,
    OptionalPath,
    Origin,
    OwnHost,
    PathText,
    Port,
    Protocols,
    ProxyAddress,
    ProxyPath,
    ProxyPort,
    ReleaseCount,
    RequestLimit,
    ScheduleText,
    Text,
    Unit,
    User,
    Variable,
    Words,
)

ServiceKind = Literal["auto", "systemd", "processes"]


class EnvironmentSettings(BaseModel):
    """One table ``[environments.NAME]``, as it was declared."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    protected: bool | None = Field(
        None,
        description="A protected environment is safe to rely on: what would replace its data refuses to.",
    )
    listen: Listen = Field(
        "127.0.0.1",
        description="The address of both ports. Anything wider than loopback (127.0.0.1, ::1) asks for "
        "tokens, and for the names that it is called by in allowed_hosts. There is no TLS here: a reverse proxy that "
        "has it, or ssh -L, is the better way from other machines.",
    )
    auth: Auth | None = Field(
        None,
        description='Who is answered. "tokens": whoever shows one (homeport token create). "open": everybody, which '
        "only development and local are by default, and only while nothing but this machine reaches them; with a "
        "wider listen it is refused.",
    )
    rate_limit: RequestLimit | None = Field(
        None,
        description="Requests a minute for each token, or for each address where none is shown. 0 is no limit.",
    )
    http_port: Port | None = Field(
        None,
        description="Streamable HTTP at /mcp, and on the same port /health and the JSON API at /api/v1.",
    )
    sse_port: Port | None = Field(
        None,
        description="The deprecated HTTP+SSE transport at /sse, for platforms that know nothing newer.",
    )
    protocols: Protocols = Field(
        ["http", "sse"],
        description='What clients may connect with. Without "sse" that port stays closed; without "http" there is no '
        "/mcp, while /health and the JSON API stay. Leave both on until nothing old connects.",
    )
    directory: PathText | None = Field(
        None,
        description="All that belongs to this environment alone: releases, logs, journal and, unless declared "
        "elsewhere, data. A relative path begins at root.",
    )
    data: PathText | None = Field(
        None,
        description="The data directory. No other environment may have it, contain it, or lie in it.",
    )
    database: DatabaseText = Field(
        "",
        description="A PostgreSQL database that holds the data instead of a file in the data directory, so that "
        'several servers can have them: "postgresql://homeport@db.example.org/homeport_production". No other '
        "environment may have it. There is no password in it. docs/postgresql.md says how to begin.",
    )
    database_password_file: OptionalPath = Field(
        "",
        description="The file with the password for it, readable by nobody but its owner (mode 0600). A server under "
        "systemd is handed it, and needs no right to read it.",
    )
    backups: PathText | None = Field(
        None,
        description="Where backups of the data go. Never inside a data directory; best on another disk.",
    )
    unit: Unit | None = Field(
        None,
        description="The name that its systemd units begin with.",
    )
    allowed_hosts: list[HostName] = Field(
        [],
        description="Host names, besides the loopback ones, under which a reverse proxy passes requests on. "
        "Others are refused, which keeps foreign web pages out (DNS rebinding).",
    )
    allowed_origins: list[Origin] = Field(
        [],
        description="Web origins, besides its own, whose pages may call this server.",
    )
    trusted_proxies: list[ProxyAddress] | None = Field(
        None,
        description='Addresses or networks ("10.0.0.0/24") of reverse proxies, and "unix" for unix sockets. Only they '
        "are believed for whom they ask (X-Forwarded-For); everybody else is whom the connection is from. Where only "
        "this machine reaches the ports, and allowed_hosts or oauth_host tells of a proxy, it is this machine and "
        '"unix"; else it is nobody.',
    )
    oauth_host: OwnHost = Field(
        "",
        description="A public host name for clients that sign in with OAuth (Claude.ai, ChatGPT), in front of which a "
        "reverse proxy ends TLS. It must be a name of its own: elsewhere clients with tokens would lose them.",
    )
    log_format: LogFormat = Field(
        "json",
        description='How homeport serve logs on stderr: "json" for machines, "text" for people.',
    )
    service: ServiceKind = Field(
        "auto",
        description='Who runs its server: "systemd" by its units, or "processes", plain processes of whoever types '
        'homeport start. "auto" is systemd where the units of this environment are installed, else processes.',
    )
    command: Words = Field(
        [],
        description="Only for a server that is not Homeport's own: the program and its arguments, started without a "
        "shell. It learns its ports and its data directory from variables, or from its own configuration.",
    )
    working_directory: PathText | None = Field(
        None,
        description="Where command is started; the checkout where there is one, else directory.",
    )
    variables: dict[Variable, Text] = Field(
        {},
        description='What the server finds in its environment besides what is there: { HTTP_PORT = "8080" }. No '
        "secrets here: this file is read by many.",
    )
    health: HealthPlace = Field(
        "/health",
        description="What is asked whether the server is well: a path on http_port, or a URL. Homeport's own server "
        "says it for its environment; of another one, every status from 200 to 299 is well.",
    )
    health_says: dict[str, str] = Field(
        {},
        description='What the JSON answer of a server that is not Homeport\'s own must say besides: { status = "ok" }.',
    )
    checkout: OptionalPath = Field(
        "",
        description="A git checkout that the server runs from. homeport restart --pull brings it forward, and back "
        "again if the server does not come up. Homeport's own server is then run by the checkout's .venv.",
    )
    branch: Branch = Field(
        "",
        description="The branch that the checkout follows, or that releases are built from; by default the one that is "
        "checked out.",
    )
    install: Words | None = Field(
        None,
        description="What is run in the checkout after it was brought forward, without a shell; it must end with 0 "
        'and may be run twice: ["npm", "ci"]. For Homeport\'s own server it installs what '
        "requirements/runtime.lock asks for.",
    )
    source: OptionalPath = Field(
        "",
        description="A git repository on this machine that homeport deploy builds releases from, each in a directory "
        "of its own that does not change any more. For a server that is not Homeport's own, install is then run in the "
        "release, and working_directory is the release that serves. It cannot be declared together with checkout.",
    )
    migrations: OptionalPath = Field(
        "",
        description="Only for a server that is not Homeport's own: the directory of its data migrations, which "
        "migrate and deploy run; a relative one begins at working_directory. docs/migrations.md says what they are.",
    )
    keep_releases: ReleaseCount = Field(
        5,
        description="How many good releases stay. Those that never came up push none of them out, and one whose data a "
        "kept backup holds stays too.",
    )
    user: User | None = Field(
        None,
        description="The system user that its server runs as; provision makes it where there is none. A user of its "
        "own keeps another environment's server out of the data, whatever else fails.",
    )
    proxy: Literal["none", "nginx"] = Field(
        "none",
        description='Who is in front of it. "nginx": provision writes its locations and includes them in nginx_site; '
        "the environment then asks for tokens. TLS stays as it is found.",
    )
    proxy_path: ProxyPath | None = Field(
        None,
        description='What the proxy adds to the public paths, so that environments share one name: "/dev" makes them '
        "/mcp/dev and /sse/dev, and /dev/health; an empty text adds nothing.",
    )
    server_name: OwnHost = Field(
        "",
        description="The nginx server that the locations go into; by default the first of allowed_hosts, or else "
        "localhost.",
    )
    nginx_site: OptionalPath = Field(
        "",
        description="The nginx file that has that server, with its TLS. It stays yours: provision adds one include "
        "line. By default a file in /etc/nginx/conf.d, made once with plain HTTP, and yours from then on.",
    )
    proxy_port: ProxyPort = Field(
        80,
        description="Where nginx listens, in a site that provision makes.",
    )
    backup_schedule: ScheduleText = Field(
        "*-*-* 00/6:10:00",
        description="When a timer makes a backup (OnCalendar= of systemd); an empty text for never.",
    )
    drill_schedule: ScheduleText = Field(
        "Sun *-*-* 04:40:00",
        description="When a timer restores the last backup aside and asks a server on it. A backup that was never "
        "restored is a hope.",
    )
    doctor_schedule: ScheduleText = Field(
        "*-*-* *:25:00",
        description="When a timer compares the machine with this file; what it finds is in the journal.",
    )
    unit_credentials: list[CredentialText] = Field(
        [],
        description='Secrets that systemd hands to the server, as files in $CREDENTIALS_DIRECTORY: "name:/path".',
    )
    alarm: list[Argument] = Field(
        [],
        description="A program and its arguments, run when a unit of this environment has failed for good, with the "
        "unit's name added as the last one; and when homeport doctor --alarm finds something, with the environment's "
        "name added and a JSON document on its standard input. Both are in the system's journal in any case.",
    )
    backup: BackupSettings = Field(
        BackupSettings(),
        description="How its data are protected; each backup is read back before it counts.",
    )
    deploy: DeploySettings = Field(DeploySettings(), description="What must be so before a release is deployed.")
    follow: FollowSettings = Field(
        FollowSettings(),
        description="Which branches are brought here by themselves. Where nothing is declared, none is.",
    )


ROOT_DESCRIPTION: Final = (
    "The directory that relative paths begin at, and that every environment has its directories in unless it says "
    "otherwise. It must exist. A relative root begins at the directory of this file."
)
