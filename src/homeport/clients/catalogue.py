"""All clients, by the name that the command line has for them."""

from __future__ import annotations

from typing import Final

from homeport.clients import anthropic, editors, openai, others
from homeport.clients.client import Client

CATALOGUE: Final[dict[str, Client]] = {
    client.key: client
    for client in sorted(
        (*anthropic.CLIENTS, *openai.CLIENTS, *editors.CLIENTS, *others.CLIENTS),
        # Plain HTTP is not a client that one has, but what is left to those who have none.
        key=lambda client: (client.key == "http", client.title.lower()),
    )
}
