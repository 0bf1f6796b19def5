"""The URL of a PostgreSQL database, as libpq reads it, and what of that may be said. Pure; both halves use it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote

EXAMPLE: Final = "postgresql://homeport@db.example.org/homeport_production"
_SOCKET_EXAMPLE: Final = "postgresql://homeport@/homeport_production?host=/run/postgresql"
_SCHEMES: Final = ("postgresql://", "postgres://")
_PORT: Final = "5432"
_PARAMETERS: Final = (
    *("host", "hostaddr", "port", "connect_timeout", "tcp_user_timeout", "target_session_attrs", "load_balance_hosts"),
    *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslsni", "ssl_min_protocol_version"),
    *("channel_binding", "require_auth", "gssencmode", "krbsrvname"),
)
"""What may stand behind the question mark; all else is said elsewhere, or would change how Homeport speaks to it."""
_SECRETS: Final = frozenset({"password", "passfile", "sslpassword"})
_THIS_MACHINE: Final = "this machine"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1", "/run/postgresql", "/tmp"})  # noqa: S108 - what libpq takes
"""Ways to say the cluster of this machine that listens on a port."""


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """What a URL says.

    Attributes:
        user: who connects.
        hosts: names, addresses or directories of unix sockets, each with its port; one or more.
        name: of the database.
    """

    user: str
    hosts: tuple[tuple[str, str], ...]
    name: str

    @property
    def place(self) -> str:
        """One text for all ways to write one database, as far as that can be told without asking anybody."""
        hosts = sorted({f"{_canonical(host)}:{port}" for host, port in self.hosts})
        return f"{','.join(hosts)}/{self.name}"

    @property
    def is_on_this_machine(self) -> bool:
        """Whether it is reached without the network."""
        return all(_canonical(host) == _THIS_MACHINE or host.startswith("/") for host, _ in self.hosts)


def parse_database_url(text: str) -> DatabaseUrl:
    """Reads a URL.

    Raises:
        ValueError: it cannot be used; the sentence says why, and never repeats a password.
    """
    scheme = next((one for one in _SCHEMES if text.lower().startswith(one)), None)
    if scheme is None or not text.isprintable() or " " in text:
        raise ValueError(f'is not the URL of a PostgreSQL database, such as "{EXAMPLE}"')
    before, _, query = text[len(scheme) :].partition("?")
    authority, _, name = before.partition("/")
    who, at, where = authority.rpartition("@")
    user, colon, _ = who.partition(":")
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    if colon or _SECRETS & parameters.keys():
        raise ValueError(
            "holds a password, and this file is read by many: write it into a file of mode 0600, and name that one "
            "in database_password_file"
        )
    if not at or not user:
        raise ValueError(f'says no user: several log in from this machine, so write it, as in "{EXAMPLE}"')
    if not name or "/" in name:
        raise ValueError(f'names no database: write it behind the host, as in "{EXAMPLE}"')
    for parameter in parameters:
        if parameter not in _PARAMETERS:
            raise ValueError(f"has a parameter {parameter!r}; those that may be there are {', '.join(_PARAMETERS)}")
    hosts = _hosts(where, parameters)
    if not hosts:
        raise ValueError(f'names no host; for a unix socket write its directory, as in "{_SOCKET_EXAMPLE}"')
    return DatabaseUrl(unquote(user), hosts, unquote(name))


def _hosts(where: str, parameters: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The hosts of an authority, or those of the parameters, each with its port."""
    names, ports = [], []
    for one in where.split(",") if where else ():
        host, port = _split(one)
        names.append(unquote(host))
        ports.append(port)
    if "host" in parameters or "hostaddr" in parameters:
        names = (parameters.get("host") or parameters["hostaddr"]).split(",")
        ports = ports if len(ports) == len(names) else [""] * len(names)
    if parameters.get("port"):
        given = parameters["port"].split(",")
        ports = given * len(names) if len(given) == 1 else given
    if len(ports) != len(names):
        raise ValueError(f"has {len(names)} hosts and {len(ports)} ports")
    for port in ports:
        if port and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
            raise ValueError(f"has {port!r} for a port")
    return tuple((host, port or _PORT) for host, port in zip(names, ports, strict=True) if host)


def _split(one: str) -> tuple[str, str]:
    """Host and port; the brackets of an IPv6 address are gone."""
    if one.startswith("["):
        host, _, rest = one[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = one.partition(":")
    return host, port


def _canonical(host: str) -> str:
    if host.startswith("/"):
        path = posixpath.normpath(host)
        host = path.removeprefix("/var") if path.startswith("/var/run/") else path
    host = host.lower().rstrip(".")
    return _THIS_MACHINE if host in _LOOPBACK else host
