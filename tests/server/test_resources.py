"""Resources, prompts and completion: the same in every revision, each in its own shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.credentials import bearer, issued
from tests.support.site import ACCEPT, LEGACY, MODERN, Served, modern, read, served

VERSIONS = [MODERN, *LEGACY]


async def ask(site: Served, version: str, method: str, **params: Any) -> dict[str, Any]:
    """One request of a revision."""
    headers = {"accept": ACCEPT, "mcp-protocol-version": version}
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    if version == MODERN:
        body, headers = modern(method, **params)
        name = params.get("uri") or params.get("name")
        if method in ("resources/read", "prompts/get") and name is not None:
            headers["mcp-name"] = name
    return read(await site.post(body, headers))


@pytest.fixture
async def team(site: Served) -> Served:
    """A site with something in it."""
    await site.call(None, "register_instance", {"instanceId": "ada", "role": "dev"})
    await site.call(None, "register_instance", {"instanceId": "bob", "role": "dev"})
    await site.call(None, "create_project", {"id": "p 1", "name": "One", "description": "First"})
    await site.call(None, "create_task", {"id": "t", "title": "Do it", "description": "All", "project_id": "p 1"})
    await site.call(None, "claim_task", {"id": "p 1/t", "instanceId": "ada"})
    await site.call(None, "send_message", {"from": "bob", "to": "ada", "subject": "Hello", "content": "You"})
    lesson = {"type": "pattern", "content": "Test first"}
    await site.call(None, "submit_lessons", {"project_id": "p 1", "instance_id": "ada", "lessons": [lesson]})
    return site


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("uri", "holds"),
    [
        ("homeport://environment", '"environment":"development"'),
        ("homeport://inbox/ada", "Hello"),
        ("homeport://project/p%201", '"name":"One"'),
        ("homeport://task/p%201/t", "Do it"),
        ("homeport://task/t", "Do it"),
        ("homeport://lesson/1", "Test first"),
    ],
)
async def test_a_resource_is_what_its_operation_shows(team: Served, version: str, uri: str, holds: str) -> None:
    result = (await ask(team, version, "resources/read", uri=uri))["result"]
    (content,) = result["contents"]
    assert (content["uri"], content["mimeType"]) == (uri, "application/json")
    assert holds in content["text"]
    assert ("ttlMs" in result, "cacheScope" in result) == (version == MODERN, version == MODERN)
    assert result["_meta"]["homeport/environment"] == "development"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "uri",
    [
        *("homeport://inbox/nobody", "homeport://project/none", "homeport://task/none", "homeport://lesson/7"),
        *("homeport://lesson/x", "homeport://nothing/x", "https://example.org/", "homeport://project/p 1"),
        "homeport://inbox/",
    ],
)
async def test_a_resource_that_is_not_there_is_not_found(team: Served, version: str, uri: str) -> None:
    error = (await ask(team, version, "resources/read", uri=uri))["error"]
    assert error["code"] == (-32602 if version == MODERN else -32002)


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_list_has_the_environment_and_every_project_page_by_page(site: Served, version: str) -> None:
    for number in range(60):
        await site.call(None, "create_project", {"id": f"p{number:02}", "name": "P", "description": "x"})
    found: list[str] = []
    params: dict[str, Any] = {}
    while True:
        result = (await ask(site, version, "resources/list", **params))["result"]
        found += [one["uri"] for one in result["resources"]]
        if "nextCursor" not in result:
            break
        params = {"cursor": result["nextCursor"]}
    assert found == ["homeport://environment", *(f"homeport://project/p{number:02}" for number in range(60))]
    wrong = await ask(site, version, "resources/list", cursor="nonsense")
    assert wrong["error"]["code"] == -32602


@pytest.mark.parametrize("version", VERSIONS)
async def test_templates_and_prompts_are_listed_on_one_page(site: Served, version: str) -> None:
    templates = (await ask(site, version, "resources/templates/list"))["result"]["resourceTemplates"]
    assert [one["name"] for one in templates] == ["inbox", "project", "task", "lesson"]
    prompts = (await ask(site, version, "prompts/list"))["result"]["prompts"]
    assert [one["name"] for one in prompts] == ["bootstrap", "hand_over"]
    for method in ("resources/templates/list", "prompts/list"):
        assert (await ask(site, version, method, cursor="x"))["error"]["code"] == -32602


@pytest.mark.parametrize("version", VERSIONS)
async def test_bootstrap_says_what_to_call(team: Served, version: str) -> None:
    arguments = {"role": "COO", "project": "p 1"}
    result = (await ask(team, version, "prompts/get", name="bootstrap", arguments=arguments))["result"]
    text = result["messages"][0]["content"]["text"]
    assert "role 'COO', project 'p 1'" in text


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_hand_over_names_what_is_held_and_unread(team: Served, version: str) -> None:
    arguments = {"instance_id": "ada", "to": "bob"}
    result = (await ask(team, version, "prompts/get", name="hand_over", arguments=arguments))["result"]
    text = result["messages"][0]["content"]["text"]
    assert "- t (claimed): Do it" in text
    assert "1 messages are unread" in text
    assert "send_message to bob" in text


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("none", {}),
        ("bootstrap", {}),
        ("bootstrap", {"role": "x", "other": "y"}),
        ("hand_over", {"instance_id": "zoe"}),
    ],
)
async def test_a_prompt_with_wrong_arguments_is_invalid(
    team: Served, version: str, name: str, arguments: dict[str, str]
) -> None:
    error = (await ask(team, version, "prompts/get", name=name, arguments=arguments))["error"]
    assert error["code"] == -32602
    assert error["data"]["message"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("ref", "argument", "value", "values"),
    [
        ({"type": "ref/prompt", "name": "hand_over"}, "instance_id", "A", ["ada"]),
        ({"type": "ref/prompt", "name": "bootstrap"}, "project", "", ["p 1"]),
        ({"type": "ref/resource", "uri": "homeport://inbox/{instance}"}, "instance", "b", ["bob"]),
        ({"type": "ref/resource", "uri": "homeport://lesson/{number}"}, "number", "", []),
    ],
)
async def test_arguments_are_completed(
    team: Served, version: str, ref: dict[str, str], argument: str, value: str, values: list[str]
) -> None:
    asked = {"name": argument, "value": value}
    result = (await ask(team, version, "completion/complete", ref=ref, argument=asked))["result"]
    assert result["completion"]["values"] == values


async def test_a_client_that_repeats_no_revision_reads_resources_too(team: Served) -> None:
    answer = await team.old("resources/read", uri="homeport://inbox/ada")
    assert "Hello" in answer["result"]["contents"][0]["text"]
    assert [one["name"] for one in (await team.old("prompts/list"))["result"]["prompts"]] == ["bootstrap", "hand_over"]


async def test_what_is_served_is_said(site: Served) -> None:
    found = (await ask(site, MODERN, "server/discover"))["result"]
    assert found["capabilities"]["resources"] == {"subscribe": True, "listChanged": True}
    assert set(found["capabilities"]) >= {"tools", "prompts", "completions"}
    assert found["supportedVersions"] == [MODERN]
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    said = (await ask(site, "2025-06-18", "initialize", **params))["result"]["capabilities"]
    assert said["resources"]["subscribe"] is True
    assert (await ask(site, "2025-06-18", "logging/setLevel", level="debug"))["result"] == {}


async def test_who_speaks_as_one_instance_reads_only_its_own_inbox() -> None:
    async with served(auth="tokens") as site:
        for name in ("ada", "bob"):
            await site.dispatcher.call("register_instance", {"instanceId": name, "role": "dev"})
        headers = await _as_ada(site)
        listed = await _ask_as(site, headers, "resources/list")
        assert [one["uri"] for one in listed["result"]["resources"]][:2] == [
            "homeport://environment",
            "homeport://inbox/ada",
        ]
        own = await _ask_as(site, headers, "resources/read", uri="homeport://inbox/ada")
        assert json.loads(own["result"]["contents"][0]["text"])["total"] == 0
        for uri in ("homeport://inbox/bob", "homeport://inbox/%62ob"):
            other = await _ask_as(site, headers, "resources/read", uri=uri)
            assert other["error"]["code"] in (-32043, -32002)
        subscribed = await _ask_as(site, headers, "resources/subscribe", uri="homeport://inbox/bob")
        assert subscribed["error"]["code"] == -32043
        prompt = await _ask_as(site, headers, "prompts/get", name="hand_over", arguments={"instance_id": "bob"})
        assert prompt["error"]["code"] == -32043


async def _as_ada(site: Served) -> dict[str, str]:
    _, text = await issued(site.dispatcher.store, instance_id="ada")
    return {**bearer(text), "mcp-session-id": "s"}


async def _ask_as(site: Served, headers: dict[str, str], method: str, **params: Any) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    given = {"accept": ACCEPT, "mcp-protocol-version": "2025-06-18", **headers}
    return read(await site.post(body, given))
