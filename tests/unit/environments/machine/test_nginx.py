"""nginx's locations: which path leads where, and what is said on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import crossplane
import pytest

from homeport.environments.environment import Environment
from homeport.environments.machine.nginx import include_line, new_site, snippet_file, snippet_text
from homeport.environments.proxy import Proxy
from tests.support.provisioning import declared


def proxied(settings: str = "", name: str = "production") -> tuple[Environment, Proxy]:
    environment = declared(f'proxy = "nginx"\n{settings}', name)
    assert environment.proxy is not None
    return environment, environment.proxy


def locations(text: str, tmp_path: Path) -> dict[str, dict[str, list[Any]]]:
    """Each location with its directives, as nginx's grammar reads them."""
    file = tmp_path / "snippet.conf"
    file.write_text(text, encoding="utf-8")
    parsed = crossplane.parse(str(file), single=True, check_ctx=False, check_args=False)
    assert not parsed["errors"]
    return {" ".join(one["args"]): dict(_directives(one["block"])) for one in parsed["config"][0]["parsed"]}


def _directives(block: list[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    for one in block:
        name = one["directive"]
        yield f"{name} {one['args'][0]}" if name in ("proxy_set_header", "add_header") else name, one["args"]


def test_development_is_reached_beside_production_with_its_path_taken_off(tmp_path: Path) -> None:
    found = locations(snippet_text(*proxied(name="development")), tmp_path)
    assert found["= /mcp/dev"]["proxy_pass"] == ["http://127.0.0.1:3446/mcp"]
    assert found["= /sse/dev"]["proxy_pass"] == ["http://127.0.0.1:3447/sse"]
    assert found["= /sse/dev/messages"]["proxy_pass"] == ["http://127.0.0.1:3447/messages"]
    # The server tells its clients where to post, and must know what they call it.
    assert found["= /sse/dev"]["proxy_set_header X-Forwarded-Prefix"] == ["X-Forwarded-Prefix", "/sse/dev"]


def test_no_two_environments_of_one_site_have_a_path_in_common(tmp_path: Path) -> None:
    mine = locations(snippet_text(*proxied()), tmp_path)
    others = [locations(snippet_text(*proxied(name=name)), tmp_path) for name in ("development", "local")]
    assert not set(mine) & set(others[0])
    assert not set(others[0]) & set(others[1])
    assert snippet_file(*proxied()).parent == snippet_file(*proxied(name="local")).parent
    assert snippet_file(*proxied()) != snippet_file(*proxied(name="local"))


@pytest.mark.parametrize("name", ["production", "development"])
def test_streams_are_neither_buffered_nor_compressed_nor_cut_off(name: str, tmp_path: Path) -> None:
    found = locations(snippet_text(*proxied(name=name)), tmp_path)
    streams = [match for match in found if re.match(r"= .*(/mcp|/sse|/events)(/dev)?$", match)]
    assert len(streams) == 3
    for match in streams:
        assert found[match]["proxy_buffering"] == ["off"]
        assert found[match]["gzip"] == ["off"]
        assert found[match]["proxy_read_timeout"] == ["1h"]


def test_every_location_speaks_http_1_1_and_says_who_asks(tmp_path: Path) -> None:
    for name in ("production", "development"):
        for match, said in locations(snippet_text(*proxied(name=name)), tmp_path).items():
            if match.startswith("@"):
                continue
            assert said["proxy_http_version"] == ["1.1"]
            assert said["proxy_set_header Connection"] == ["Connection", ""]
            for header in ("Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Prefix"):
                assert f"proxy_set_header {header}" in said


def test_the_header_is_said_once_and_no_header_of_the_site_is_lost(tmp_path: Path) -> None:
    found = locations(snippet_text(*proxied()), tmp_path)
    # A location with an add_header of its own would lose the site's (HSTS): only where nginx itself answers is one.
    assert [match for match, said in found.items() if any(key.startswith("add_header") for key in said)] == [
        "@homeport-production-away"
    ]
    assert found["@homeport-production-away"]["add_header X-MCP-Environment"][1:] == ["production", "always"]
    assert all(said["error_page"][-1] == "@homeport-production-away" for said in found.values() if "proxy_pass" in said)


def test_a_protocol_that_is_off_has_no_location(tmp_path: Path) -> None:
    without_sse = locations(snippet_text(*proxied('protocols = ["http"]')), tmp_path)
    assert not [match for match in without_sse if "/sse" in match or "/messages" in match]
    without_http = locations(snippet_text(*proxied('protocols = ["sse"]')), tmp_path)
    assert "= /mcp" not in without_http
    assert "= /health" in without_http


def test_the_root_of_a_site_that_answers_for_it_is_left_alone(tmp_path: Path) -> None:
    environment, proxy = proxied()
    assert "/" in locations(snippet_text(environment, proxy), tmp_path)
    assert "/" not in locations(snippet_text(environment, proxy, root_is_taken=True), tmp_path)


def test_a_site_that_nobody_named_answers_this_machine_alone() -> None:
    _, proxy = proxied()
    assert proxy.site == PurePosixPath("/etc/nginx/conf.d/homeport-localhost.conf")
    assert "listen 127.0.0.1:80;" in new_site(proxy)
    named = proxied('allowed_hosts = ["agents.example.org"]\nproxy_port = 8080')
    assert "listen 8080;" in new_site(named[1])
    assert "server_name agents.example.org;" in new_site(named[1])
    assert include_line(named[1]) in new_site(named[1])
