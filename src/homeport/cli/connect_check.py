"""The part of ``homeport connect`` that tries a connection."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from homeport.cli.output import print_json, say
from homeport.clients.client import Client, Entry, url_of
from homeport.clients.connection import Connection
from homeport.clients.merge import read_entry
from homeport.clients.public import address_for
from homeport.clients.reading import connection_of
from homeport.clients.target import TOKEN_VARIABLE, Target, Transport
from homeport.host.client_files import read_client_file
from homeport.outbound.sign_in import SignIn, try_sign_in
from homeport.outbound.trial import Seen, try_connection
from homeport.secret import Secret


def check(client: Client | None, target: Target, transport: Transport, arguments: Namespace, file: Path | None) -> None:
    """Connects as the client would, and says what it sees.

    Raises:
        TrialError: it does not work.
    """
    written = _written(client, target, file)
    connection = _connection(client, target, transport, written)
    if client is not None and client.maker and target.oauth_url is not None and connection.url == target.oauth_url:
        _say_sign_in(try_sign_in(connection.url, target.environment), client, connection.url, arguments)
        return
    seen = try_connection(connection, target.environment)
    where = str(file) if written is not None else None
    if arguments.json:
        print_json(_as_json(seen, client, connection, where))
        return
    title = client.title if client is not None else "any client"
    say(f"{seen.environment} {seen.version} answers, as {title} asks ({connection.transport}, {seen.revision})")
    say(f"  introduces itself as {seen.name}, with {seen.tools} tools")
    say(f"  {_who(seen, connection)}")
    if where is not None:
        say(f"  as written in {where}: {target.name}")
    elif client is not None and client.file is not None:
        say(f"  there is no entry {target.name} in {file} yet; this is what --write would put there")
    elif client is not None and client.key != "http":
        say(f"  from this machine, which says little about {client.title}'s: it must be reachable from there")


def _say_sign_in(found: SignIn, client: Client, url: str, arguments: Namespace) -> None:
    if arguments.json:
        told = {"client": client.key, "transport": "http", "url": url, "environment": found.environment}
        print_json({**told, "sign_in": found.authorize, "registers": found.registers})
        return
    say(f"{found.environment} answers at {url}, and asks {client.title} to sign in, as it should")
    say(f"  clients make themselves known {found.registers}; a person allows them at {found.authorize}")
    say(f"  from this machine, which says little about {client.maker}'s: it must be reachable from there")


def _written(client: Client | None, target: Target, file: Path | None) -> Entry | None:
    if client is None or file is None:
        return None
    return read_entry(client, read_client_file(file), target.name, str(file))


def _connection(client: Client | None, target: Target, transport: Transport, written: Entry | None) -> Connection:
    variables = dict(os.environ)
    if target.token is not None:
        variables[TOKEN_VARIABLE] = target.token.reveal()
    if client is not None and written is not None:
        return connection_of(client, written, variables)
    if client is not None and client.entry is not None and (client.key, transport) != ("claude-desktop", "http"):
        return connection_of(client, client.entry(target, transport), variables)
    # Nobody has written anything: what a person would type in.
    by_hand = client is not None and client.steps is not None
    url = url_of(target, _wire(transport)) if client is None else address_for(client, target, transport)
    headers = {}
    if target.token is not None and not by_hand:
        headers["Authorization"] = Secret(f"Bearer {target.token.reveal()}")
    revision = client.revision if client is not None else "auto"
    return Connection(transport=_wire(transport), revision=revision, url=url, headers=headers)


def _wire(transport: Transport) -> Transport:
    return "http" if transport == "stdio" else transport


def _who(seen: Seen, connection: Connection) -> str:
    if seen.speaks_as is not None:
        return f"the token speaks as {seen.speaks_as}"
    if connection.shows_token or connection.variables:
        return "the token is bound to no instance"
    return "no token is shown"


def _as_json(seen: Seen, client: Client | None, connection: Connection, file: str | None) -> dict[str, object]:
    return {
        "client": client.key if client is not None else None,
        "transport": connection.transport,
        "revision": seen.revision,
        "environment": seen.environment,
        "version": seen.version,
        "server": seen.name,
        "tools": seen.tools,
        "speaks_as": seen.speaks_as,
        "file": file,
    }
