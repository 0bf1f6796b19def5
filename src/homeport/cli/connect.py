"""``homeport connect``: how a client is connected, written into its file, and tried."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from homeport.cli.declared import declaration_file, declaration_of
from homeport.cli.output import print_json, say, table
from homeport.cli.tokens_given import token_given
from homeport.clients.catalogue import CATALOGUE
from homeport.clients.client import Client, Places
from homeport.clients.merge import merged
from homeport.clients.public import address_for
from homeport.clients.target import Target, Transport, checked_entry_name, endpoint_url, entry_name
from homeport.clients.texts import command_line, diff, in_short, recipe
from homeport.contract import ExitCode
from homeport.environments.environment import Environment
from homeport.environments.names import is_environment_name
from homeport.errors import UsageError
from homeport.host.client_files import own_command, read_client_file, replace_client_file


@dataclass(frozen=True, slots=True)
class _Server:
    """Where the server is, from the declaration or from ``--url``."""

    environment: str
    http_url: str | None
    sse_url: str | None
    oauth_url: str | None
    bridge: tuple[str, ...]
    asks_for_token: bool


def run(arguments: Namespace) -> int:
    """Prints, writes or checks."""
    client = CATALOGUE[arguments.client] if arguments.client is not None else None
    if client is None and arguments.write is not None:
        raise UsageError("Whose file should be written?", f"--client is one of {', '.join(CATALOGUE)}.")
    transport = client.transport(arguments.transport) if client is not None else arguments.transport or "http"
    target = _target(arguments, transport)
    if client is None and not arguments.check:
        _overview(target, arguments)
    elif client is not None and arguments.write is not None:
        _write(client, target, transport, arguments)
    elif client is not None and not arguments.check:
        _show(client, target, transport, arguments)
    if arguments.check and not arguments.dry_run:
        # The official SDK takes most of a second to load, and only this needs it.
        from homeport.cli.connect_check import check

        check(client, target, transport, arguments, file_of(client, arguments) if client is not None else None)
    return ExitCode.DONE


def file_of(client: Client, arguments: Namespace) -> Path | None:
    """The client's file: the one that was named, else the usual one."""
    if arguments.write:
        return Path.cwd() / Path(arguments.write).expanduser()
    return Path(client.file.path(_places())) if client.file is not None else None


def _target(arguments: Namespace, transport: Transport) -> Target:
    server = _server(arguments, transport)
    token = token_given(arguments)
    bridge = server.bridge
    if arguments.token_file is not None:
        bridge = (*bridge, "--token-file", str(Path.cwd() / arguments.token_file))
    name = arguments.name
    return Target(
        environment=server.environment,
        name=entry_name(server.environment) if name is None else checked_entry_name(name, server.environment),
        http_url=server.http_url,
        sse_url=server.sse_url,
        oauth_url=server.oauth_url,
        bridge=bridge,
        needs_token=server.asks_for_token or arguments.token_file is not None,
        token=token,
        write_token=arguments.token_file is not None and transport != "stdio",
    )


def _server(arguments: Namespace, transport: Transport) -> _Server:
    name = arguments.environment
    if arguments.url is None:
        return _declared(declaration_of(arguments).environment(name), declaration_file(arguments))
    if not is_environment_name(name):
        raise UsageError(f"{name!r} is not the name of an environment.", "Small letters, digits and dashes.")
    sse = transport == "sse"
    url = endpoint_url(arguments.url, "sse" if sse else "http")
    bridge = (*own_command(), "stdio", name, "--url", url)
    # Nobody here can know whether a server elsewhere asks for a token; one that holds nothing worth it is rare.
    return _Server(name, None if sse else url, url if sse else None, None, bridge, asks_for_token=True)


def _declared(environment: Environment, file: Path | None) -> _Server:
    # The bridge follows the declaration, so that a port that is changed there needs no change in any client.
    bridge = (*own_command(), "stdio", environment.name, "--config", str(file))
    asks = environment.auth == "tokens"
    urls = environment.mcp_url, environment.sse_url, environment.oauth_url
    return _Server(environment.name, *urls, bridge, asks_for_token=asks)


def _overview(target: Target, arguments: Namespace) -> None:
    shown = _without_token(target)
    rows = [in_short(client, shown, _places()) for client in CATALOGUE.values()]
    if arguments.json:
        keys = ("client", "transports", "how")
        print_json({"environment": target.environment, "clients": [dict(zip(keys, row, strict=True)) for row in rows]})
        return
    say(f"{target.environment}: {target.http_url or target.sse_url}, called {target.name} by its clients")
    say()
    say(table(("CLIENT", "TRANSPORTS", "HOW"), rows))
    say()
    say("--client NAME shows all of it, --write puts it into the client's file, --check tries it.")


def _show(client: Client, target: Target, transport: Transport, arguments: Namespace) -> None:
    shown = _without_token(target)
    lines = recipe(client, shown, transport, _places())
    if not arguments.json:
        say("\n".join(lines))
        return
    file = client.file
    entry = client.entry(shown, transport) if client.entry is not None and file is not None else None
    print_json(
        {
            "client": client.key,
            "environment": target.environment,
            "transport": transport,
            "url": address_for(client, target, transport),
            "command": command_line(client, shown, transport),
            "file": str(file.path(_places())) if file is not None else None,
            "name": target.name,
            "entry": entry,
            "steps": client.steps(shown, transport) if client.steps is not None else [],
        }
    )


def _write(client: Client, target: Target, transport: Transport, arguments: Namespace) -> None:
    file = file_of(client, arguments)
    if file is None or client.entry is None or (client.key == "claude-desktop" and transport != "stdio"):
        recipe(client, _without_token(target), transport, _places())
        raise UsageError(
            f"{client.title} keeps such a connection in no file that could be written.",
            f"homeport connect {target.environment} --client {client.key} lists the steps.",
        )
    old = read_client_file(file)
    change = merged(client, target, transport, old, str(file), replace=arguments.yes)
    backup = None
    if not arguments.dry_run and change.state != "unchanged":
        backup = replace_client_file(file, old, change.text, private=bool(change.secrets))
    shared = client.file is not None and client.file.shared and bool(change.secrets)
    if arguments.json:
        answer = {"file": str(file), "name": target.name, "state": change.state, "dry_run": arguments.dry_run}
        print_json({**answer, "backup": str(backup) if backup else None, "holds_token": bool(change.secrets)})
        return
    if arguments.dry_run:
        for line in diff(old, change.text, str(file), change.secrets):
            say(line)
    would = "would be " if arguments.dry_run and change.state != "unchanged" else ""
    say(f"{file}: {target.name} {would}{change.state}{f'; before: {backup}' if backup else ''}")
    if shared:
        say("It holds the token, and files of projects are shared: do not commit it.")
    if change.state != "unchanged" and client.after:
        say(client.after)


def _without_token(target: Target) -> Target:
    """For what is shown: no token is ever printed."""
    return replace(target, token=None, write_token=False)


def _places() -> Places:
    codex = os.environ.get("CODEX_HOME")
    return Places(
        home=PurePosixPath(Path.home()),
        here=PurePosixPath(Path.cwd()),
        platform=sys.platform,
        codex_home=PurePosixPath(codex) if codex else None,
    )
