"""Puts an entry into the text of a client's file, and takes one out of it to look at. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Literal

import tomlkit
import tomlkit.exceptions
from tomlkit.items import AbstractTable, InlineTable

from homeport.clients.client import Client, ClientFile, Entry, entry_secrets
from homeport.clients.jsonc import JsonError, append_item, parse, set_member
from homeport.clients.target import TOKEN_VARIABLE, Target, Transport
from homeport.errors import GuardError, HomeportError, UsageError
from homeport.secret import Secret

_TABLES = ("headers", "http_headers", "env")
_TOKEN_FILE = "--token-file"  # noqa: S105 - the name of an option
_ASIDE = frozenset({_TOKEN_FILE, "--patience"})


class BrokenFileError(HomeportError):
    """A client's file cannot be read; it was left as it is."""

    code = "broken_file"

    def __init__(self, file: str, line: int, what: str) -> None:
        super().__init__(
            f"{file}, line {line}: {what}. It was left as it is.",
            "Mend it first: its client cannot read it either.",
            file=file,
            line=line,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What a file should become."""

    text: str = field(repr=False)
    state: Literal["added", "updated", "replaced", "unchanged"]
    secrets: tuple[Secret, ...]
    """That the entry holds: the file is then for its owner alone, and they are not shown."""


def merged(
    client: Client, target: Target, transport: Transport, text: str, file: str, *, replace: bool = False
) -> Change:
    """The file's text with the entry in it.

    Args:
        client: whose file it is.
        target: what the entry leads to.
        transport: one of the client's.
        text: of the file; empty where there is none.
        file: its name, for errors.
        replace: also an entry that leads elsewhere.

    Raises:
        BrokenFileError: the text cannot be read.
        GuardError: there is an entry of that name that leads elsewhere.
    """
    if client.file is None or client.entry is None:
        raise UsageError(f"{client.title} keeps its connections in no file that could be written.", "See its steps.")
    wanted = client.entry(target, transport)
    old = read_entry(client, text, target.name, file)
    if old is not None and not same_destination(old, wanted):
        if not replace:
            raise GuardError(
                f"{file} has an entry {target.name} that leads elsewhere: {destination(old)}.",
                "Use --name for another entry, or --yes to replace that one.",
                entry=destination(old),
            )
        new = wanted
    else:
        new = wanted if old is None else _united(old, wanted)
    made = _written(client.file, text, target.name, new, file)
    question = client.inputs(target) if client.inputs is not None else None
    if question is not None and f"${{input:{question['id']}}}" in str(new):
        made = append_item(made, "inputs", question, comments=client.file.format == "jsonc")
    return Change(made, _state(old, new, wanted, text, made), tuple(entry_secrets(new)))


def read_entry(client: Client, text: str, name: str, file: str) -> Entry | None:
    """The entry of that name, where there is one.

    Raises:
        BrokenFileError: the text cannot be read.
    """
    if client.file is None or not text.strip("\ufeff \t\r\n"):
        return None
    found = _values(client.file, text, file).get(client.file.table)
    entry = found.get(name) if isinstance(found, Mapping) else None
    return dict(entry) if isinstance(entry, Mapping) else None


def destination(entry: Entry) -> str:
    """Where an entry leads, without anything that could be a secret."""
    for key in ("url", "httpUrl"):
        if isinstance(entry.get(key), str):
            return str(entry[key]).partition("?")[0]
    if isinstance(entry.get("command"), str):
        return " ".join([str(entry["command"]), *map(str, _arguments(entry))])
    return "nowhere"


def same_destination(old: Entry, new: Entry) -> bool:
    """Whether two entries lead to one server in one way; the bridge may have moved to another directory."""
    if "command" in new:
        program = str(old.get("command", "")).rpartition("/")[2]
        return program == str(new["command"]).rpartition("/")[2] and _where(old) == _where(new)
    return [old.get(key) for key in ("url", "httpUrl", "command")] == [
        new.get(key) for key in ("url", "httpUrl", "command")
    ]


def rendered(client: Client, target: Target, transport: Transport) -> str:
    """What a file would hold that has nothing else in it."""
    return merged(client, target, transport, "", "the file").text


def _united(old: Entry, new: Entry) -> Entry:
    """What a person added to an entry stays; what is ours is as it should be.

    How the token comes there is a person's too, unless a token is at hand that is to be written: writing an entry again
    must not put a reference, or a note to paste it, in place of one that works.
    """
    united = {**old, **new}
    brings = bool(entry_secrets(new))
    for key in _TABLES:
        first, last = (old, new) if brings else (new, old)
        if key in old or key in new:
            united[key] = {**_table(first.get(key)), **_table(last.get(key))}
    if not brings and _TOKEN_FILE in _arguments(old):
        united["args"] = old["args"]
        for key in ("env", "env_vars"):
            if key not in old:
                united.pop(key, None)
    # Codex has two words for each; the literal one is the one that was asked for.
    if "Authorization" in _table(united.get("http_headers")):
        united.pop("bearer_token_env_var", None)
    if "env_vars" not in old and TOKEN_VARIABLE in _table(united.get("env")):
        united.pop("env_vars", None)
    return united


def _state(
    old: Entry | None, new: Entry, wanted: Entry, text: str, made: str
) -> Literal["added", "updated", "replaced", "unchanged"]:
    if made == text:
        return "unchanged"
    if old is None:
        return "added"
    return "updated" if same_destination(old, wanted) and new is not wanted else "replaced"


def _written(spec: ClientFile, text: str, name: str, entry: Entry, file: str) -> str:
    if spec.format == "toml":
        return _toml(spec, text, name, entry, file)
    try:
        return set_member(text, [spec.table, name], entry, comments=spec.format == "jsonc")
    except JsonError as error:
        raise BrokenFileError(file, error.line, str(error)) from None


def _toml(spec: ClientFile, text: str, name: str, entry: Entry, file: str) -> str:
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    document = tomlkit.parse(text.removeprefix(mark))
    before = document.unwrap()
    if spec.table not in document:
        document[spec.table] = tomlkit.table(is_super_table=True)
    servers: Any = document[spec.table]
    if not isinstance(servers, MutableMapping):
        raise BrokenFileError(file, 1, f"{spec.table} is not a table")
    old = servers.get(name)
    if isinstance(old, AbstractTable):
        for key in [key for key in old if key not in entry]:
            del old[key]
        for key, value in entry.items():
            if old.get(key) != value:
                old[key] = value
    else:
        servers[name] = _inline(entry) if isinstance(servers, InlineTable) else tomlkit.item(entry)
    made = mark + tomlkit.dumps(document)
    meant = {**before, spec.table: {**before.get(spec.table, {}), name: entry}}
    if tomllib.loads(made.removeprefix(mark)) != meant:
        raise BrokenFileError(file, 1, "it is written in a way that cannot be changed safely")
    return made


def _inline(entry: Mapping[str, Any]) -> InlineTable:
    table = tomlkit.inline_table()
    for key, value in entry.items():
        table[key] = _inline(value) if isinstance(value, Mapping) else value
    return table


def _values(spec: ClientFile, text: str, file: str) -> Mapping[str, Any]:
    try:
        if spec.format == "toml":
            return tomlkit.parse(text.removeprefix("\ufeff")).unwrap()
        value = parse(text, comments=spec.format == "jsonc").value
    except JsonError as error:
        raise BrokenFileError(file, error.line, str(error)) from None
    except tomlkit.exceptions.ParseError as error:
        raise BrokenFileError(file, error.line, str(error).partition(" at line")[0]) from None
    except tomlkit.exceptions.TOMLKitError as error:
        raise BrokenFileError(file, 1, str(error)) from None
    if not isinstance(value, Mapping):
        raise BrokenFileError(file, 1, "it is not an object")
    return value


def _where(entry: Entry) -> list[Any]:
    """The arguments that say where the bridge leads to."""
    given = _arguments(entry)
    return [one for at, one in enumerate(given) if one not in _ASIDE and (at == 0 or given[at - 1] not in _ASIDE)]


def _table(value: object) -> Entry:
    return dict(value) if isinstance(value, Mapping) else {}


def _arguments(entry: Entry) -> list[Any]:
    given = entry.get("args")
    return list(given) if isinstance(given, list) else []
