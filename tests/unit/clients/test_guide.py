"""docs/connecting.md says what ``homeport connect`` prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from homeport.clients.catalogue import CATALOGUE
from homeport.clients.client import Client
from homeport.clients.merge import rendered
from homeport.clients.target import Transport
from homeport.clients.texts import SPOKEN, command_line, recipe
from tests.unit.clients.targets import GUARDED, PLACES

GUIDE = (Path(__file__).parents[3] / "docs" / "connecting.md").read_text(encoding="utf-8")
CASES = [(key, transport) for key, client in CATALOGUE.items() for transport in client.transports]


def section_of(client: Client) -> str:
    title = client.title[:1].upper() + client.title[1:]
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", GUIDE, re.DOTALL | re.MULTILINE)
    assert found is not None, f"docs/connecting.md has no section {title}"
    return found[1]


@pytest.mark.parametrize(("key", "transport"), CASES)
def test_the_guide_has_what_the_command_prints(key: str, transport: Transport) -> None:
    client = CATALOGUE[key]
    section = section_of(client)
    assert f"`--client {key}`" in section
    assert SPOKEN[transport] in section
    line = command_line(client, GUARDED, transport)
    assert line is None or f"```sh\n{line}\n```" in section
    by_hand = client.entry is None or (key, transport) == ("claude-desktop", "http")
    if not by_hand:
        assert rendered(client, GUARDED, transport).rstrip() in section
        assert client.file is not None
        assert client.file.path(PLACES).name in section
    elif client.steps is not None:
        for step in client.steps(GUARDED, transport):
            assert step in section
    assert "\n".join(recipe(client, GUARDED, transport, PLACES))


def test_the_guide_tells_of_no_client_that_there_is_not() -> None:
    titles = set(re.findall(r"^## (.*)$", GUIDE, re.MULTILINE))
    assert titles == {client.title[:1].upper() + client.title[1:] for client in CATALOGUE.values()}
