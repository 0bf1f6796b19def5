"""What a person is told: how a client is connected. Pure."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable

from homeport.clients.client import PASTE, Client, Places
from homeport.clients.merge import rendered
from homeport.clients.public import address_for
from homeport.clients.target import TOKEN_VARIABLE, Target, Transport
from homeport.errors import UsageError
from homeport.secret import Secret

SPOKEN: dict[Transport, str] = {"http": "streamable HTTP", "sse": "HTTP+SSE", "stdio": "stdio"}

_BEARER = re.compile(r"(Bearer )(?!\$)[^\s\"',]+")


def recipe(client: Client, target: Target, transport: Transport, places: Places) -> list[str]:
    """How to connect a client, line by line.

    Raises:
        UsageError: it cannot be connected in this way; the hint says what can.
    """
    lines = [
        f"{client.title} to {target.environment} by {SPOKEN[transport]} ({address_for(client, target, transport)})"
    ]
    steps = client.steps(target, transport) if client.steps is not None else []
    line = command_line(client, target, transport)
    if line is not None:
        lines += ["", "Run:", f"  {line}"]
    if client.file is not None and client.entry is not None and not _by_hand(client, transport):
        path = client.file.path(places)
        lines += ["", f"{'Or put' if line is not None else 'Put'} this into {path}; --write does it:"]
        lines += [f"  {one}" for one in rendered(client, target, transport).rstrip("\n").split("\n")]
    if steps:
        lines += ["", *(f"{number}. {step}" for number, step in enumerate(steps, 1))]
    notes = [*_token_notes(client, target, transport), *([client.after] if client.after else [])]
    return [*lines, "", *notes] if notes else lines


def command_line(client: Client, target: Target, transport: Transport) -> str | None:
    """The client's own command, as a line for a shell."""
    words = client.command(target, transport) if client.command is not None else None
    if words is None:
        return None
    line = shlex.join(words)
    if client.key == "http" and target.needs_token:
        # printf is the shell's own, so that no list of processes shows the token.
        return f"""printf 'Authorization: Bearer %s\\n' "${TOKEN_VARIABLE}" | {line}"""
    return line


def in_short(client: Client, target: Target, places: Places) -> tuple[str, str, str]:
    """A client's line of the overview: its name, its transports, and how it is connected."""
    transports = ", ".join(client.transports)
    try:
        transport = client.transports[0]
        address_for(client, target, transport)
        line = command_line(client, target, transport)
        if line is None and client.steps is not None:
            client.steps(target, transport)
    except UsageError as error:
        return client.key, transports, error.sentence
    if client.key == "http":
        return client.key, transports, "curl; --client http shows the line"
    if line is not None:
        return client.key, transports, line
    if client.file is not None:
        return client.key, transports, f"an entry in {client.file.path(places)}; --client {client.key} --write"
    return client.key, transports, f"by hand; --client {client.key} lists the steps"


def diff(old: str, new: str, file: str, secrets: Iterable[Secret]) -> list[str]:
    """What would change, without the lines around it: those may hold what is nobody's business."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), file, file, lineterm="", n=0)
    return [hidden(line, secrets) for line in lines]


def hidden(text: str, secrets: Iterable[Secret]) -> str:
    """A text with tokens made unreadable."""
    for secret in secrets:
        value = secret.reveal()
        text = text.replace(value, "…").replace(value.removeprefix("Bearer "), "…")
    return _BEARER.sub(r"\1…", text)


def _by_hand(client: Client, transport: Transport) -> bool:
    return client.key == "claude-desktop" and transport != "stdio"


def _token_notes(client: Client, target: Target, transport: Transport) -> list[str]:
    if not target.needs_token or (client.file is None and client.command is None):
        return []
    if "--token-file" in target.bridge and transport == "stdio":
        return ["The bridge reads the token from that file; keep it at mode 0600."]
    made = f"homeport token create {target.environment}"
    if client.inputs is not None and client.inputs(target) is not None:
        return [f"{client.title} asks for the token ({made}) and keeps it; it does not stand in the file."]
    if client.entry is not None and PASTE in str(client.entry(target, transport)):
        return [f"Paste the token ({made}) where it says {PASTE}; with --write it is taken from {TOKEN_VARIABLE}."]
    return [f"The token ({made}) is taken from {TOKEN_VARIABLE}: set it where {client.title} is started."]
