"""The faults of the earlier server in knowing its callers, each as a test of its own."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from homeport.contract import ServeSettings
from homeport.coordination import tokens
from homeport.environments.declaration import parse_declaration
from homeport.environments.faults import DeclarationError
from homeport.environments.settings import EnvironmentSettings
from tests.architecture.source import ROOT, project_files
from tests.support.credentials import bearer, issued
from tests.support.site import LEGACY, MODERN, served, tool_call

VERSIONS = [None, *LEGACY, MODERN]


@pytest.mark.parametrize("version", VERSIONS)
async def test_any_bearer_token_that_began_with_a_fixed_prefix_was_accepted(version: str | None) -> None:
    async with served(auth="tokens") as site:
        _, good = await issued(site.dispatcher.store)
        body, headers = tool_call(version, "get_instances", {})
        prefix = "hpt_development_"
        for forged in (prefix, f"{prefix}x", f"{prefix}{'A' * 44}", good[:-36] + "A" * 36, f"{good}x", good[:-1]):
            response = await site.post(body, {**headers, **bearer(forged)})
            assert response.status_code == 401, forged
        assert (await site.post(body, {**headers, **bearer(good)})).status_code == 200


@pytest.mark.parametrize("version", VERSIONS)
async def test_without_a_token_everything_was_allowed(version: str | None) -> None:
    async with served(auth="tokens") as site:
        for operation in site.dispatcher.catalogue:
            body, headers = tool_call(version, operation, {})
            # Nobody is told more slowly or with more words for asking often; the limit has a test of its own.
            assert (await site.post(body, headers)).status_code in {401, 429}, operation
        assert site.logged()
        assert not [line for line in site.logged() if line.get("tool")]


def test_the_closed_door_is_the_one_that_nobody_has_to_ask_for() -> None:
    settings = ServeSettings(
        environment="x", data_directory="/x", listen="127.0.0.1", http_port=1, sse_port=None, version="0"
    )
    assert settings.auth == "tokens"
    assert EnvironmentSettings.model_validate({}).auth is None
    production = parse_declaration("[environments.production]\n", PurePosixPath("/srv/homeport.toml"))
    assert production.environment("production").auth == "tokens"


def test_live_tokens_were_committed_in_documents() -> None:
    """A token has a form that scanners find, and none is in this repository; files that look for one are no finding."""
    pattern = re.compile(rf"\b{tokens.PATTERN}\b")
    findings = []
    for path in project_files():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        findings += [
            f"{path}: {found[0][:24]}…"
            for found in pattern.finditer(text)
            if tokens.checksum(found[0][:-6]) == found[0][-6:]
        ]
    assert not findings, "revoke these:\n" + "\n".join(findings)
    assert pattern.search(f"see {tokens.mint('production', bytes(28))[1].reveal()}.")


@pytest.mark.parametrize("listen", ["0.0.0.0", "::", "10.0.0.7"])  # noqa: S104 - refused
@pytest.mark.parametrize("name", ["production", "development", "local"])
def test_a_port_stood_open(name: str, listen: str) -> None:
    text = f'[environments.{name}]\nlisten = "{listen}"\n'
    file = PurePosixPath("/srv/homeport.toml")
    with pytest.raises(DeclarationError, match="without authentication to the network"):
        parse_declaration(f'{text}auth = "open"\n', file)
    declared = parse_declaration(text, file).environment(name)
    assert declared.serve_settings("0").auth == "tokens"
