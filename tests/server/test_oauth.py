"""OAuth by hand, against a server that listens: the whole way, and everything that must not be one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from homeport.coordination import oauth, tokens
from homeport.coordination.oauth import ACCESS_LASTS, CODE_LASTS, REFRESH_LASTS
from homeport.storage.memory import MemoryStore
from homeport.storage.sqlite import open_store
from tests.support.credentials import bearer, issued
from tests.support.desk import START
from tests.support.listening import listening
from tests.support.oauth import BASE, HOST, MCP, Scene, answer_of, browser, staged
from tests.support.site import LEGACY, tool_call

WELL_KNOWN = (
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
)
PATHS = (*WELL_KNOWN, "/authorize", "/token", "/register", "/revoke")


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with staged() as one:
        yield one


async def test_the_whole_way_from_a_refusal_to_a_call(scene: Scene) -> None:
    _, text = await issued(scene.store, "mine", scope="write", instance_id="nova")
    http, flow = scene.flow.http, scene.flow
    refused = await http.post("/mcp", json=tool_call(LEGACY[-1], "get_server_status", {})[0])
    assert refused.status_code == 401
    challenge = refused.headers["www-authenticate"]
    assert challenge == f'Bearer resource_metadata="{BASE}{WELL_KNOWN[1]}", scope="read write"'
    resource = (await http.get(WELL_KNOWN[1])).json()
    assert (resource["resource"], resource["authorization_servers"]) == (MCP, [BASE])
    server = (await http.get(WELL_KNOWN[2])).json()
    assert server["issuer"] == BASE
    assert server["code_challenge_methods_supported"] == ["S256"]
    assert server["token_endpoint_auth_methods_supported"] == ["none"]
    assert {server[f"{name}_endpoint"] for name in ("authorization", "token", "registration", "revocation")} == {
        f"{BASE}{path}" for path in PATHS[3:]
    }

    second = await flow.sign_in(await flow.page(), text)
    answer = answer_of(await flow.decide(second))
    assert (answer["state"], answer["iss"]) == ("a state & more", BASE)
    response = await flow.token(answer["code"])
    assert response.headers["cache-control"] == "no-store"
    pair = response.json()
    assert (pair["token_type"], pair["expires_in"], pair["scope"]) == ("Bearer", 3600, "read write")

    body, headers = tool_call(LEGACY[-1], "send_message", {"to": "all", "subject": "S", "content": "c"})
    sent = await http.post("/mcp", json=body, headers=headers | bearer(pair["access_token"]))
    assert json.loads(sent.json()["result"]["content"][0]["text"])["message"]["from"] == "nova"
    assert "mine by Test client" in {line.get("caller") for line in scene.server.served.logged()}


@pytest.mark.parametrize("asked", [None, "read", "read write", "admin", "offline_access"])
@pytest.mark.parametrize("has", ["read", "write", "admin"])
async def test_a_client_gets_no_more_than_it_asked_for_and_the_token_may(
    scene: Scene, has: tokens.Scope, asked: str | None
) -> None:
    _, text = await issued(scene.store, scope=has)
    scope = (await scene.flow.pair(text, scope=asked))["scope"].split()
    wanted = oauth.highest((asked or "").split()) or has
    assert scope == oauth.words(oauth.lower(wanted, has))


async def test_a_code_that_is_shown_twice_ends_what_it_gave(scene: Scene) -> None:
    _, text = await issued(scene.store)
    code = await scene.flow.code(text)
    pair = (await scene.flow.token(code)).json()
    assert await scene.flow.status(pair["access_token"]) == 200
    replayed = await scene.flow.token(code)
    assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_grant")
    assert await scene.flow.status(pair["access_token"]) == 401
    assert (await scene.flow.refresh(pair["refresh_token"])).json()["error"] == "invalid_grant"
    assert await scene.flow.status(text) == 200


async def test_a_code_expires_and_is_its_own_clients_alone(scene: Scene) -> None:
    _, text = await issued(scene.store)
    other = await scene.other()
    other.verifier = scene.flow.verifier
    code = await scene.flow.code(text)
    assert (await other.token(code)).json()["error"] == "invalid_grant"
    scene.now += CODE_LASTS - 1
    assert (await scene.flow.token(code)).status_code == 200
    code = await scene.flow.code(text)
    scene.now += CODE_LASTS
    assert (await scene.flow.token(code)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": "x" * 42}, "invalid_request"),
        ({"redirect_uri": "https://client.example/callback/"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
    ],
)
async def test_a_code_alone_opens_nothing(scene: Scene, changes: dict[str, str | None], error: str) -> None:
    _, text = await issued(scene.store)
    code = await scene.flow.code(text)
    refused = await scene.flow.token(code, **changes)
    assert (refused.status_code in (400, 401), refused.json()["error"]) == (True, error)
    assert (await scene.flow.token("guessed")).json()["error"] == "invalid_grant"
    assert (await scene.flow.token(code)).status_code == 200


async def test_the_challenge_itself_is_no_verifier(scene: Scene) -> None:
    _, text = await issued(scene.store)
    refused = await scene.flow.token(await scene.flow.code(text), code_verifier=scene.flow.challenge)
    assert refused.json()["error"] == "invalid_grant"


async def test_access_ends_with_the_token_it_came_of(scene: Scene) -> None:
    token, text = await issued(scene.store)
    pair = await scene.flow.pair(text)
    code = await scene.flow.code(text)
    assert await scene.flow.status(pair["access_token"]) == 200
    await scene.store.write(lambda records: tokens.revoke(records, token.id, scene.now))
    assert await scene.flow.status(pair["access_token"]) == 401
    assert (await scene.flow.refresh(pair["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await scene.flow.token(code)).json()["error"] == "invalid_grant"


async def test_access_is_short_and_never_longer_than_its_token(scene: Scene) -> None:
    _, text = await issued(scene.store, expires_at=START + 3 * ACCESS_LASTS)
    pair = await scene.flow.pair(text)
    scene.now += ACCESS_LASTS
    assert await scene.flow.status(pair["access_token"]) == 401
    pair = (await scene.flow.refresh(pair["refresh_token"])).json()
    assert await scene.flow.status(pair["access_token"]) == 200
    scene.now += 2 * ACCESS_LASTS
    assert (await scene.flow.refresh(pair["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_refresh_token_is_good_once_and_its_reuse_ends_all(scene: Scene) -> None:
    _, text = await issued(scene.store)
    first = await scene.flow.pair(text)
    second = (await scene.flow.refresh(first["refresh_token"])).json()
    third = (await scene.flow.refresh(second["refresh_token"], scope="read")).json()
    assert third["scope"] == "read"
    assert await scene.flow.status(third["access_token"]) == 200
    assert (await scene.flow.refresh(first["refresh_token"])).json()["error"] == "invalid_grant"
    assert await scene.flow.status(third["access_token"]) == 401
    assert (await scene.flow.refresh(third["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_refresh_token_is_its_clients_alone_and_ends_when_idle(scene: Scene) -> None:
    _, text = await issued(scene.store)
    pair = await scene.flow.pair(text)
    other = await scene.other()
    assert (await other.refresh(pair["refresh_token"])).json()["error"] == "invalid_grant"
    assert await scene.flow.status(pair["refresh_token"]) == 401
    scene.now += REFRESH_LASTS
    assert (await scene.flow.refresh(pair["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_a_client_can_give_its_access_back_and_no_other_can(scene: Scene, which: str) -> None:
    _, text = await issued(scene.store)
    pair = await scene.flow.pair(text)
    other = await scene.other()

    async def revoke(client_id: str, token: str) -> int:
        form = {"token": token, "client_id": client_id}
        return (await scene.flow.http.post("/revoke", data=form)).status_code

    assert await revoke(other.client_id, pair[which]) == 200
    assert await scene.flow.status(pair["access_token"]) == 200
    assert await revoke("nobody", pair[which]) == 401
    assert await revoke(scene.flow.client_id, "unknown") == 200
    assert await revoke(scene.flow.client_id, pair[which]) == 200
    assert await scene.flow.status(pair["access_token"]) == 401
    assert (await scene.flow.refresh(pair["refresh_token"])).json()["error"] == "invalid_grant"


async def test_no_secret_is_kept_or_logged(scene: Scene) -> None:
    _, text = await issued(scene.store)
    code = await scene.flow.code(text)
    pair = (await scene.flow.token(code)).json()
    await scene.flow.refresh(pair["refresh_token"])
    assert isinstance(scene.store, MemoryStore)
    kept, logged = repr(scene.store._tables), json.dumps(scene.server.served.logged())
    for secret in (text, code, pair["access_token"], pair["refresh_token"], scene.flow.verifier):
        assert secret not in kept
        assert secret not in logged


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "team.example", f"x.{HOST}", f"{HOST}.evil.example"])
async def test_on_every_other_name_there_is_nothing(host: str, path: str) -> None:
    async with staged(hosts=("team.example",)) as scene:
        for method in ("GET", "POST"):
            response = await scene.flow.http.request(method, path, headers={"host": host, "x-forwarded-host": HOST})
            foreign = HOST in host
            assert response.status_code == (421 if foreign else 404)
            assert "www-authenticate" not in response.headers
        refused = await scene.flow.http.get("/mcp", headers={"host": host})
        assert refused.headers.get("www-authenticate") == (None if HOST in host else "Bearer")


@pytest.mark.parametrize("path", PATHS)
async def test_where_it_is_off_there_is_nothing(path: str) -> None:
    async with listening(auth="tokens", hosts=(HOST,)) as server, browser(server.port) as http:
        assert (await http.get(path)).status_code == 404
        assert (await http.post(path)).status_code == 404
        assert (await http.get("/mcp")).headers["www-authenticate"] == "Bearer"


async def test_static_tokens_are_good_under_that_name_too_and_wrong_ones_are_told_of_oauth(scene: Scene) -> None:
    _, text = await issued(scene.store)
    assert await scene.flow.status(text) == 200
    refused = await scene.flow.http.post("/mcp", json={}, headers=bearer(text[:-1]))
    assert refused.headers["www-authenticate"].endswith(', error="invalid_token"')
    refused = await scene.flow.http.get("/api/v1/status")
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_wrong_methods_and_bodies_are_answered_plainly(scene: Scene) -> None:
    http = scene.flow.http
    assert (await http.get("/token")).status_code == 405
    assert (await http.post(WELL_KNOWN[0])).status_code == 405
    assert (await http.post("/token", json={"grant_type": "authorization_code"})).json()["error"] == "invalid_request"
    assert (await http.post("/register", content=b"{")).status_code == 400
    assert (await http.post("/register", content=b" " * 70_000)).status_code == 413
    assert (await http.post("/authorize", params=scene.flow.asked(), json={})).status_code == 400
    assert (await http.get("/authorize", params=scene.flow.asked(state="x" * 9000))).status_code in (400, 414)


async def test_what_was_given_survives_a_restart(tmp_path: Path) -> None:
    async with staged(await open_store(tmp_path)) as scene:
        _, text = await issued(scene.store)
        pair, code, flow = await scene.flow.pair(text), await scene.flow.code(text), scene.flow
    async with staged(await open_store(tmp_path)) as again:
        flow.http = again.flow.http
        assert await flow.status(pair["access_token"]) == 200
        assert (await flow.refresh(pair["refresh_token"])).status_code == 200
        assert (await flow.token(code)).status_code == 200
        assert (await flow.refresh(pair["refresh_token"])).status_code == 400
        assert await flow.status(pair["access_token"]) == 401
