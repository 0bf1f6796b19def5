"""From an entry, written by us or by a person, to the connection that its client makes of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from homeport.clients.client import PASTE, Client, Entry
from homeport.clients.connection import Connection
from homeport.clients.target import TOKEN_VARIABLE, Transport
from homeport.secret import Secret

# Each client's references: a group is the variable's name, and the second, where there is one, its default.
_REFERENCES: Final = {
    "claude-code": re.compile(r"\$\{(\w+)(?::-([^}]*))?\}"),
    "cursor": re.compile(r"\$\{env:(\w+)\}"),
    "vscode": re.compile(r"\$\{(?:env|input):([^}]+)\}"),
    "gemini": re.compile(r"\$(?:\{(\w+)\}|(?=(\w+))\w+)"),
}


class _Expander:
    """Puts variables in, as one client does, and remembers those that are not set."""

    def __init__(self, client: str, variables: Mapping[str, str]) -> None:
        self._reference = _REFERENCES.get(client)
        self._inputs = client == "vscode"
        self._defaults = client == "claude-code"
        self._variables = variables
        self.missing: list[str] = []

    def __call__(self, text: object) -> str:
        value = str(text)
        if PASTE in value:
            self.missing.append(PASTE)
        return value if self._reference is None else self._reference.sub(self._one, value)

    def variable(self, name: str, default: str | None = None) -> str:
        """The value of a variable; the reference's own text where it has none, as clients do."""
        value = self._variables.get(name) or default
        if value is None:
            self.missing.append(name)
            return f"${{{name}}}"
        return value

    def _one(self, match: re.Match[str]) -> str:
        if self._defaults:
            return self.variable(match[1], match[2])
        name = next(group for group in match.groups() if group)
        # What VS Code asks a person for is, here, what the person gives to us.
        return self.variable(TOKEN_VARIABLE if self._inputs and name.endswith("-token") else name)


def connection_of(client: Client, entry: Entry, variables: Mapping[str, str]) -> Connection:
    """How the client connects.

    Args:
        client: whose entry it is.
        entry: as it stands in the file.
        variables: of the surroundings.
    """
    expand = _Expander(client.key, variables)
    if "command" in entry:
        command = (expand(entry["command"]), *(expand(one) for one in _list(entry.get("args"))))
        given = {name: Secret(expand(value)) for name, value in _table(entry.get("env")).items()}
        handed_on = {str(name): Secret(expand.variable(str(name))) for name in _list(entry.get("env_vars"))}
        return Connection(
            transport="stdio",
            revision=client.revision,
            command=command,
            variables={**handed_on, **given},
            missing=tuple(expand.missing),
        )
    transport, url = _address(entry)
    headers = {name: expand(value) for name, value in _table(entry.get("headers")).items()}
    headers |= {str(name): str(value) for name, value in _table(entry.get("http_headers")).items()}
    headers |= {name: expand.variable(str(one)) for name, one in _table(entry.get("env_http_headers")).items()}
    if "bearer_token_env_var" in entry:
        headers["Authorization"] = f"Bearer {expand.variable(str(entry['bearer_token_env_var']))}"
    return Connection(
        transport=transport,
        revision=client.revision,
        url=expand(url),
        headers={name: Secret(value) for name, value in headers.items()},
        missing=tuple(expand.missing),
    )


def _address(entry: Entry) -> tuple[Transport, str]:
    if "httpUrl" in entry:
        return "http", str(entry["httpUrl"])
    url = str(entry.get("url", ""))
    if entry.get("type") in {"http", "sse"}:
        return ("sse" if entry["type"] == "sse" else "http"), url
    # Without a type a client tries both, or, as Gemini does, means SSE; our own addresses say which it is.
    return ("sse" if url.rstrip("/").endswith("/sse") else "http"), url


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else []


def _table(value: object) -> dict[str, Any]:
    return {str(key): one for key, one in value.items()} if isinstance(value, Mapping) else {}
