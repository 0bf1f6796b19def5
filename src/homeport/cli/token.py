"""``homeport token create``, ``list`` and ``revoke``."""

from __future__ import annotations

import os
import re
import time
from argparse import Namespace
from pathlib import Path
from typing import Final

from homeport import server
from homeport.cli.databases import database_of_copy, handed
from homeport.cli.declared import declaration_of
from homeport.cli.output import print_json, say, table, tell
from homeport.contract import DatabaseAddress, ExitCode
from homeport.coordination import tokens
from homeport.coordination.tokens import PREFIX, Request, Token
from homeport.coordination.values import Millis, iso
from homeport.environments.environment import Environment
from homeport.errors import UsageError
from homeport.host.owners import kept_by_its_owner

_SPANS: Final = {"h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_IN_TOKEN: Final = re.compile(rf"{PREFIX}[a-z0-9-]+_([0-9A-Za-z]{{8}})[0-9A-Za-z]*")


def run(arguments: Namespace) -> int:
    """Runs the action that was asked for."""
    environment = declaration_of(arguments).environment(arguments.environment)
    actions = {"create": _create, "list": _list, "revoke": _revoke}
    with kept_by_its_owner(Path(environment.data_directory)):
        actions[arguments.action](environment, arguments)
    return ExitCode.DONE


def _create(environment: Environment, arguments: Namespace) -> None:
    expires = None if arguments.expires is None else _now() + _span(arguments.expires)
    wanted = Request(arguments.name, arguments.scope, arguments.instance, expires)
    data, database = _data_of(environment, arguments)
    token, text = server.create_token(data, environment.name, wanted, database=database)
    if arguments.json:
        print_json({**_as_json(token, environment), "token": text.reveal()})
        return
    # Alone on stdout, so that it can go where it belongs without being seen; the rest is for the person.
    say(text.reveal())
    speaks = "any instance" if token.instance_id is None else token.instance_id
    ends = "until it is revoked" if token.expires_at is None else f"until {iso(token.expires_at)}"
    tell(f"{token.name}: scope {token.scope}, speaks as {speaks}, good {ends}. It is shown this once; keep it now.")
    if environment.auth == "open":
        tell(f"{environment.name} is open: it answers without a token too.")


def _data_of(environment: Environment, arguments: Namespace) -> tuple[Path, DatabaseAddress | None]:
    """Where the declared data are, or those of a copy."""
    if arguments.data is None:
        return Path(environment.data_directory), environment.database
    copy = Path.cwd() / arguments.data
    return copy, handed(database_of_copy(environment, copy), os.environ)


def _list(environment: Environment, arguments: Namespace) -> None:
    found = server.list_tokens(Path(environment.data_directory), environment.name, database=environment.database)
    if arguments.json:
        print_json({"environment": environment.name, "tokens": [_as_json(token, environment) for token in found]})
    elif not found:
        say(f"{environment.name} has no tokens. homeport token create {environment.name} --name NAME makes one.")
    else:
        head = ("ID", "NAME", "SCOPE", "SPEAKS AS", "CREATED", "LAST USED", "EXPIRES", "STATE")
        say(table(head, [_row(token) for token in found]))


def _revoke(environment: Environment, arguments: Namespace) -> None:
    written = _IN_TOKEN.fullmatch(arguments.id)
    token_id = written[1] if written else arguments.id
    data = Path(environment.data_directory)
    token = server.revoke_token(data, environment.name, token_id, database=environment.database)
    if arguments.json:
        print_json(_as_json(token, environment))
    else:
        say(f"{token.id} ({token.name}) is revoked: {environment.name} answers it no more.")


def _as_json(token: Token, environment: Environment) -> dict[str, object]:
    return {
        "environment": environment.name,
        "id": token.id,
        "prefix": tokens.shown_prefix(environment.name, token.id),
        "name": token.name,
        "scope": token.scope,
        "instance_id": token.instance_id,
        "state": token.state(_now()),
        "created_at": iso(token.created_at),
        "expires_at": _at(token.expires_at),
        "revoked_at": _at(token.revoked_at),
        "last_used_at": _at(token.last_used_at),
    }


def _row(token: Token) -> tuple[str, ...]:
    times = (iso(token.created_at), _at(token.last_used_at) or "never", _at(token.expires_at) or "never")
    shown = (time[:16] + "Z" if time != "never" else time for time in times)
    return (token.id, token.name, token.scope, token.instance_id or "any", *shown, token.state(_now()))


def _at(at: Millis | None) -> str | None:
    return None if at is None else iso(at)


def _span(text: str) -> Millis:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise UsageError(f"--expires {text!r} is not a span of time.", "Write 12h, 90d or 4w.")
    return int(found[1]) * _SPANS[found[2]] * 1000


def _now() -> Millis:
    return time.time_ns() // 1_000_000
