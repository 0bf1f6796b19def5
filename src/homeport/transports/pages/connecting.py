"""How a client is connected to this environment: what each needs, to be copied."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from homeport.clients.catalogue import CATALOGUE
from homeport.clients.client import Client, Places
from homeport.clients.target import Target, entry_name
from homeport.clients.texts import SPOKEN, recipe
from homeport.errors import UsageError
from homeport.transports.pages.view import Answer, Page, View, Visitor

# What a page shows is for any machine: there, a person's home is theirs.
_ANYWHERE: Final = Places(home=PurePosixPath("~"), here=PurePosixPath("."), platform="linux")


async def connect(visitor: Visitor) -> Answer:
    """Each client, with what it is told."""
    target = target_of(visitor)
    clients = [_shown(client, target) for client in CATALOGUE.values()]
    return Page("connect.html", "Connect", {"clients": clients, "target": target})


def target_of(visitor: Visitor) -> Target:
    """This server, by the address under which the visitor calls it."""
    exchange = visitor.exchange
    host = exchange.headers.get(b"host", b"localhost").decode("latin-1")
    root = f"{exchange.scope.get('scheme', 'http')}://{host}"
    environment = visitor.look.environment
    # A proxy that puts pages below /dev has the protocol at /mcp/dev, where clients of the first server had it.
    url = f"{root}/mcp{visitor.prefix}"
    return Target(
        environment=environment,
        name=entry_name(environment),
        http_url=url,
        sse_url=None,
        bridge=("homeport", "stdio", environment, "--url", url),
        needs_token=visitor.asks_for_tokens,
    )


def _shown(client: Client, target: Target) -> dict[str, object]:
    lines, problem = [], ""
    try:
        lines = recipe(client, target, client.transports[0], _ANYWHERE)
    except UsageError as error:
        problem = f"{error.sentence} {error.hint}"
    steps, code = _parted(lines[1:])
    return {
        "key": client.key,
        "title": client.title,
        "speaks": SPOKEN[client.transports[0]],
        "steps": steps,
        "code": code,
        "problem": problem,
    }


def _parted(lines: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """What a person reads; and the blocks that they copy, indented by two, with what leads to each."""
    steps: list[str] = []
    blocks: list[tuple[str, list[str]]] = []
    leads = ""
    was_code = False
    for line in lines:
        is_code = line.startswith("  ")
        if is_code and not was_code:
            blocks.append((leads, []))
            leads = ""
        if is_code:
            blocks[-1][1].append(line[2:])
        elif line.endswith(":"):
            leads = line.replace("; --write does it", "")
        elif line:
            steps.append(line)
        was_code = is_code
    return steps, [(lead, "\n".join(block)) for lead, block in blocks]


VIEWS = (View("GET", "/connect", connect),)
