"""Which proxies are believed, by the declaration."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from homeport.environments.declaration import Declaration, parse_declaration
from homeport.environments.faults import DeclarationError

HERE = ("127.0.0.0/8", "::1", "unix")


def read(text: str) -> Declaration:
    return parse_declaration(text, PurePosixPath("/srv/homeport.toml"))


@pytest.mark.parametrize(
    ("table", "trusted"),
    [
        ("", ()),
        ('allowed_hosts = ["team.example"]', HERE),
        ('oauth_host = "agents.example.org"\nauth = "tokens"', HERE),
        ('allowed_hosts = ["team.example"]\nlisten = "0.0.0.0"\nauth = "tokens"', ()),
        ('allowed_hosts = ["team.example"]\ntrusted_proxies = []', ()),
        ('trusted_proxies = ["10.0.0.0/24", "unix"]', ("10.0.0.0/24", "unix")),
    ],
)
def test_proxies_are_believed_where_there_must_be_one(table: str, trusted: tuple[str, ...]) -> None:
    settings = read(f"[environments.development]\n{table}\n").environment("development").serve_settings("1.2")
    assert settings.trusted_proxies == trusted


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("everybody", "neither an address"),
        ("10.0.0.1/24", "has host bits set"),
        ("0.0.0.0/0", "everybody could choose"),
        ("::/0", "everybody could choose"),
    ],
)
def test_a_proxy_that_is_none_or_everybody_is_refused(wrong: str, sentence: str) -> None:
    with pytest.raises(DeclarationError, match=sentence):
        read(f'[environments.local]\ntrusted_proxies = ["{wrong}"]\n')
