"""What a value in ``homeport.toml`` may be: types that refuse the rest, each with a sentence for whoever wrote it."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator

from homeport.database_url import parse_database_url
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


def _database(value: str) -> str:
    if value:
        parse_database_url(value)
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
OptionalPath = Annotated[str, AfterValidator(_optional_path)]
DatabaseText = Annotated[str, AfterValidator(_database)]
Listen = Annotated[str, AfterValidator(_listen)]
RequestLimit = Annotated[int, AfterValidator(_limit)]
ReleaseCount = Annotated[int, AfterValidator(_releases)]
Unit = Annotated[str, AfterValidator(_unit)]
HostName = Annotated[str, AfterValidator(_host)]
OwnHost = Annotated[str, AfterValidator(_own_host)]
Origin = Annotated[str, AfterValidator(_origin)]
ProxyAddress = Annotated[str, AfterValidator(_proxy)]
ProxyPort = Annotated[int, AfterValidator(_proxy_port)]
ProxyPath = Annotated[str, AfterValidator(_proxy_path)]
HealthPlace = Annotated[str, AfterValidator(_health)]
Variable = Annotated[str, AfterValidator(_variable)]
Text = Annotated[str, AfterValidator(_text)]
Branch = Annotated[str, AfterValidator(_branch)]
User = Annotated[str, AfterValidator(_user)]
ScheduleText = Annotated[str, AfterValidator(_schedule)]
CredentialText = Annotated[str, AfterValidator(_credential)]
Argument = Annotated[str, AfterValidator(_word)]
Protocols = Annotated[list[Literal["http", "sse"]], AfterValidator(_some)]
Words = list[Text]
