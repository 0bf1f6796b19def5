"""The settings of ``homeport.toml``: the one source of its schema, its help and its commented example.

A setting's description is written for the person who reads the example; :mod:`.example` renders it from here.
A setting that is None was not declared: what it is then follows from the environment's name
(:mod:`.names`) or from another setting, and is computed in :mod:`.environment`.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from homeport.contract import Auth, LogFormat
from homeport.environments.backup_settings import BackupSettings
from homeport.environments.deploy_settings import DeploySettings
from homeport.environments.follow_settings import FollowSettings
from homeport.environments.names import LONGEST_NAME, UNIT_NAME

LOWEST_PORT: Final = 1024
HIGHEST_PORT: Final = 65535
_HOST: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE
)
_PLAIN: Final = re.compile(r"[!-~]+")
_HEALTH_URL: Final = re.compile(r"https?://[^/?#@\s]+(/[!-~]*)?", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRANCH: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*")
_PROXY_PATH: Final = re.compile(r"((/[a-z0-9][a-z0-9_-]{0,39}){1,4})?")
_USER: Final = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_SCHEDULE: Final = re.compile(r"[A-Za-z0-9*:/,.~ -]{1,100}")
_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9_.-]{1,60}:/[^\x00-\x1f:\x7f]+")
_ORIGIN: Final = re.compile(r"https?://[^/?#@\s]+", re.IGNORECASE)


def _port(value: int) -> int:
    if not 1 <= value <= HIGHEST_PORT:
        raise ValueError(f"{value} is not a port; ports go from {LOWEST_PORT} to {HIGHEST_PORT}")
    if value < LOWEST_PORT:
        raise ValueError(f"{value} is privileged; take one from {LOWEST_PORT} up, a reverse proxy has the low ones")
    return value


def _path(value: str) -> str:
    if not value or any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValueError("a path is one or more printable characters")
    if value.startswith("~"):
        raise ValueError(f'"{value}" would be a directory called ~: write the whole path')
    return value


def _listen(value: str) -> str:
    address = "127.0.0.1" if value == "localhost" else value
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(f'"{value}" is not an IP address') from None
    return address


def _limit(value: int) -> int:
    if value < 0:
        raise ValueError(f"{value} is not a number of requests; 0 is no limit")
    return value


def _releases(value: int) -> int:
    if value < 1:
        raise ValueError(f"{value} releases would leave none to go back to")
    return value


def _unit(value: str) -> str:
    if len(value) > LONGEST_NAME or not UNIT_NAME.fullmatch(value):
        raise ValueError(f'"{value}" is not a unit name: small letters, digits and dashes, without .service')
    return value


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError(f'"{value}" is not a host name; give it without scheme, port or wildcard')
    return value.lower()


def _own_host(value: str) -> str:
    if value and (not _HOST.fullmatch(value) or not re.search(r"\.[a-z][a-z0-9-]*$", value, re.IGNORECASE)):
        raise ValueError(f'"{value}" is not a public host name such as "agents.example.org"')
    return value.lower()


def _origin(value: str) -> str:
    if not _ORIGIN.fullmatch(value):
        raise ValueError(f'"{value}" is not an origin such as "https://coordination.example.org"')
    return value.lower()


def _proxy(value: str) -> str:
    if value == "unix":
        return value
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        raise ValueError(f'"{value}" is neither an address, nor a network, nor "unix": {error}') from None
    if network.prefixlen == 0:
        raise ValueError(f'"{value}" is everybody, so that everybody could choose the address it is known by')
    return value


def _some(value: list[Literal["http", "sse"]]) -> list[Literal["http", "sse"]]:
    if not value:
        raise ValueError("is empty, so that no client could connect")
    return value


def _proxy_port(value: int) -> int:
    if not 1 <= value <= HIGHEST_PORT:
        raise ValueError(f"{value} is not a port; ports go from 1 to {HIGHEST_PORT}")
    return value


def _proxy_path(value: str) -> str:
    if not _PROXY_PATH.fullmatch(value):
        raise ValueError(f'"{value}" is not a path such as "/dev"; an empty text is none')
    return value


def _optional_path(value: str) -> str:
    return _path(value) if value else value


def _health(value: str) -> str:
    if value.startswith("/") and not value.startswith("//") and _PLAIN.fullmatch(value):
        return value
    if not _HEALTH_URL.fullmatch(value):
        raise ValueError(f'"{value}" is neither a path such as "/health" nor a URL such as "http://127.0.0.1:8080/up"')
    return value


def _variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise ValueError(f'"{value}" is not a name of a variable')
    return value


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError("a text with a zero byte cannot be passed to a program")
    return value


def _branch(value: str) -> str:
    if value and (not _BRANCH.fullmatch(value) or ".." in value or value.endswith((".lock", "/", "."))):
        raise ValueError(f'"{value}" is not the name of a branch')
    return value


def _user(value: str) -> str:
    if not _USER.fullmatch(value) or value == "root":
        raise ValueError(f'"{value}" is not a user that a server should run as')
    return value


def _schedule(value: str) -> str:
    if value and not _SCHEDULE.fullmatch(value):
        raise ValueError(f'"{value}" is no time for a timer, such as "*-*-* 00/6:10:00" or "daily"; "" is never')
    return value


def _credential(value: str) -> str:
    if not _CREDENTIAL.fullmatch(value):
        raise ValueError(f'"{value}" is not a name and the absolute path of its file: "name:/etc/homeport/name"')
    return value


def _word(value: str) -> str:
    if not value or any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValueError("an argument is one or more printable characters")
    return value


Port = Annotated[int, AfterValidator(_port)]
PathText = Annotated[str, AfterValidator(_path)]
Words = list[Annotated[str, AfterValidator(_text)]]


ServiceKind = Literal["auto", "systemd", "processes"]


class EnvironmentSettings(BaseModel):
    """One table ``[environments.NAME]``, as it was declared."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    protected: bool | None = Field(
        None,
        description="A protected environment is safe to rely on: what would replace its data refuses to.",
    )
    listen: Annotated[str, AfterValidator(_listen)] = Field(
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
    rate_limit: Annotated[int, AfterValidator(_limit)] | None = Field(
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
    protocols: Annotated[list[Literal["http", "sse"]], AfterValidator(_some)] = Field(
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
    backups: PathText | None = Field(
        None,
        description="Where backups of the data go. Never inside a data directory; best on another disk.",
    )
    unit: Annotated[str, AfterValidator(_unit)] | None = Field(
        None,
        description="The name that its systemd units begin with.",
    )
    allowed_hosts: list[Annotated[str, AfterValidator(_host)]] = Field(
        [],
        description="Host names, besides the loopback ones, under which a reverse proxy passes requests on. "
        "Others are refused, which keeps foreign web pages out (DNS rebinding).",
    )
    allowed_origins: list[Annotated[str, AfterValidator(_origin)]] = Field(
        [],
        description="Web origins, besides its own, whose pages may call this server.",
    )
    trusted_proxies: list[Annotated[str, AfterValidator(_proxy)]] | None = Field(
        None,
        description='Addresses or networks ("10.0.0.0/24") of reverse proxies, and "unix" for unix sockets. Only they '
        "are believed for whom they ask (X-Forwarded-For); everybody else is whom the connection is from. Where only "
        "this machine reaches the ports, and allowed_hosts or oauth_host tells of a proxy, it is this machine and "
        '"unix"; else it is nobody.',
    )
    oauth_host: Annotated[str, AfterValidator(_own_host)] = Field(
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
    variables: dict[Annotated[str, AfterValidator(_variable)], Annotated[str, AfterValidator(_text)]] = Field(
        {},
        description='What the server finds in its environment besides what is there: { HTTP_PORT = "8080" }. No '
        "secrets here: this file is read by many.",
    )
    health: Annotated[str, AfterValidator(_health)] = Field(
        "/health",
        description="What is asked whether the server is well: a path on http_port, or a URL. Homeport's own server "
        "says it for its environment; of another one, every status from 200 to 299 is well.",
    )
    health_says: dict[str, str] = Field(
        {},
        description='What the JSON answer of a server that is not Homeport\'s own must say besides: { status = "ok" }.',
    )
    checkout: Annotated[str, AfterValidator(_optional_path)] = Field(
        "",
        description="A git checkout that the server runs from. homeport restart --pull brings it forward, and back "
        "again if the server does not come up. Homeport's own server is then run by the checkout's .venv.",
    )
    branch: Annotated[str, AfterValidator(_branch)] = Field(
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
    source: Annotated[str, AfterValidator(_optional_path)] = Field(
        "",
        description="A git repository on this machine that homeport deploy builds releases from, each in a directory "
        "of its own that does not change any more. For a server that is not Homeport's own, install is then run in the "
        "release, and working_directory is the release that serves. It cannot be declared together with checkout.",
    )
    migrations: Annotated[str, AfterValidator(_optional_path)] = Field(
        "",
        description="Only for a server that is not Homeport's own: the directory of its data migrations, which "
        "homeport migrate runs; a relative one begins at working_directory. docs/migrations.md says what they are.",
    )
    keep_releases: Annotated[int, AfterValidator(_releases)] = Field(
        5,
        description="How many good releases stay. Those that never came up push none of them out, and one whose data a "
        "kept backup holds stays too.",
    )
    user: Annotated[str, AfterValidator(_user)] | None = Field(
        None,
        description="The system user that its server runs as; provision makes it where there is none. A user of its "
        "own keeps another environment's server out of the data, whatever else fails.",
    )
    proxy: Literal["none", "nginx"] = Field(
        "none",
        description='Who is in front of it. "nginx": provision writes its locations and includes them in nginx_site; '
        "the environment then asks for tokens. TLS stays as it is found.",
    )
    proxy_path: Annotated[str, AfterValidator(_proxy_path)] | None = Field(
        None,
        description='What the proxy adds to the public paths, so that environments share one name: "/dev" makes them '
        "/mcp/dev and /sse/dev, and /dev/health; an empty text adds nothing.",
    )
    server_name: Annotated[str, AfterValidator(_own_host)] = Field(
        "",
        description="The nginx server that the locations go into; by default the first of allowed_hosts, or else "
        "localhost.",
    )
    nginx_site: Annotated[str, AfterValidator(_optional_path)] = Field(
        "",
        description="The nginx file that has that server, with its TLS. It stays yours: provision adds one include "
        "line. By default a file in /etc/nginx/conf.d, made once with plain HTTP, and yours from then on.",
    )
    proxy_port: Annotated[int, AfterValidator(_proxy_port)] = Field(
        80,
        description="Where nginx listens, in a site that provision makes.",
    )
    backup_schedule: Annotated[str, AfterValidator(_schedule)] = Field(
        "*-*-* 00/6:10:00",
        description="When a timer makes a backup (OnCalendar= of systemd); an empty text for never.",
    )
    drill_schedule: Annotated[str, AfterValidator(_schedule)] = Field(
        "Sun *-*-* 04:40:00",
        description="When a timer restores the last backup aside and asks a server on it. A backup that was never "
        "restored is a hope.",
    )
    doctor_schedule: Annotated[str, AfterValidator(_schedule)] = Field(
        "*-*-* *:25:00",
        description="When a timer compares the machine with this file; what it finds is in the journal.",
    )
    unit_credentials: list[Annotated[str, AfterValidator(_credential)]] = Field(
        [],
        description='Secrets that systemd hands to the server, as files in $CREDENTIALS_DIRECTORY: "name:/path".',
    )
    alarm: list[Annotated[str, AfterValidator(_word)]] = Field(
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
