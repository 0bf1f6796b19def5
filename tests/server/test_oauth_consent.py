"""What a person is shown, who may ask, and where an answer may go."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from homeport.coordination import oauth, tokens
from homeport.coordination.oauth import DAY, MAX_CLIENTS, Client
from homeport.coordination.store import Records
from homeport.storage.memory import MemoryStore
from homeport.transports.oauth.realm import DOCUMENT_LASTS, SHARE
from tests.support.credentials import issued
from tests.support.desk import START
from tests.support.oauth import BASE, CALLBACK, Flow, Scene, answer_of, browser, staged


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with staged() as one:
        yield one


async def test_the_pages_say_what_is_given_to_whom_and_let_nothing_in(scene: Scene) -> None:
    await scene.flow.register(client_name='<b>"Nice"</b>\u202e client')
    token, text = await issued(scene.store, "mine", scope="admin", instance_id="nova", expires_at=START + DAY)
    first = await scene.flow.page(scope="read write offline_access")
    second = await scene.flow.sign_in(first, text)
    for page in (first, second):
        assert page.status_code == 200
        assert "<strong>development</strong>" in page.text
        assert "&lt;b&gt;&quot;Nice&quot;&lt;/b&gt; client" in page.text
        assert "<b>" not in page.text
        assert "<script" not in page.text
        assert "<strong>https://client.example</strong>" in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self' https://client.example;" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert text not in page.text
    cookie = first.headers["set-cookie"]
    assert all(word in cookie for word in ("__Host-", "Secure", "HttpOnly", "SameSite=Strict"))
    for said in ("nova alone", "scope write", token.id, "2025-12-06"):
        assert said in second.text


async def test_whoever_says_no_gives_nothing(scene: Scene) -> None:
    _, text = await issued(scene.store)
    for answer in (
        await scene.flow.sign_in(await scene.flow.page(), "", "deny"),
        await scene.flow.decide(await scene.flow.sign_in(await scene.flow.page(), text), "deny"),
    ):
        assert answer_of(answer) == {"error": "access_denied", "state": "a state & more", "iss": BASE}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
    ],
)
async def test_a_wrong_request_is_told_to_the_client(scene: Scene, changes: dict[str, str | None], error: str) -> None:
    answer = answer_of(await scene.flow.page(**changes))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "a state & more", BASE)


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/callback",
        f"{CALLBACK}/",
        f"{CALLBACK}?x=1",
        "https://CLIENT.example/callback",
        "https://client.example:443/callback",
        "https://client.example/x/../callback",
        "",
        None,
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(scene: Scene, uri: str | None) -> None:
    for changes in ({}, {"response_type": "token"}):
        page = await scene.flow.page(redirect_uri=uri, **changes)
        assert page.status_code == 400
        assert "location" not in page.headers
        assert "evil" not in page.text


async def test_nobody_is_sent_anywhere_for_an_unknown_client_or_a_doubled_parameter(scene: Scene) -> None:
    assert (await scene.flow.page(client_id="nobody")).status_code == 400
    query = "&".join(f"{name}={value}" for name, value in {**scene.flow.asked(), "state": "s"}.items())
    for doubled in (f"redirect_uri={CALLBACK}", "state=t", f"client_id={scene.flow.client_id}"):
        assert (await scene.flow.http.get(f"/authorize?{query}&{doubled}")).status_code == 400
    body = f"grant_type=refresh_token&client_id={scene.flow.client_id}&refresh_token=a&refresh_token=b"
    form = {"content-type": "application/x-www-form-urlencoded"}
    refused = await scene.flow.http.post("/token", content=body, headers=form)
    assert refused.json()["error"] == "invalid_request"


@pytest.mark.parametrize(
    "uri",
    [
        "http://client.example/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://client.example/#fragment",
        "https://user@client.example/",
        "https://client.example;script-src/",
        "HTTPS://client.example/",
        "http://localhost.evil.example/",
        "ftp://client.example/",
    ],
)
async def test_a_redirect_uri_that_is_not_safe_is_not_registered(scene: Scene, uri: str) -> None:
    refused = await scene.flow.register(uri)
    assert refused.status_code == 400
    assert refused.json()["error"] in ("invalid_redirect_uri", "invalid_client_metadata")


async def test_every_client_is_registered_as_one_without_a_secret(scene: Scene) -> None:
    for method in ("none", "client_secret_post", "client_secret_basic", None):
        made = (await scene.flow.register("http://127.0.0.1:1/cb", token_endpoint_auth_method=method)).json()
        assert made["token_endpoint_auth_method"] == "none"
        assert "client_secret" not in made
        assert made["redirect_uris"] == ["http://127.0.0.1:1/cb"]


async def test_registrations_are_bounded_and_the_idle_forgotten(scene: Scene) -> None:
    def fill(records: Records) -> None:
        for number in range(MAX_CLIENTS):
            records.oauth.put_client(Client(f"c{number}", "c", (CALLBACK,), START))

    _, text = await issued(scene.store)
    await scene.flow.pair(text)
    kept = scene.flow.client_id
    await scene.store.write(fill)
    refused = await scene.flow.register()
    assert (refused.status_code, "clients are registered" in refused.text) == (400, True)
    scene.now += oauth.STRANGER_LASTS
    assert (await scene.flow.register()).status_code == 201
    left = await scene.store.read(lambda records: [one.id for one in records.oauth.clients()])
    assert sorted(left) == sorted([kept, scene.flow.client_id])


async def test_registering_in_a_loop_is_slowed_down(scene: Scene) -> None:
    statuses = [(await scene.flow.register()).status_code for _ in range(70)]
    assert statuses.count(201) == 59
    assert statuses[-1] == 429


@pytest.mark.parametrize("why", ["another's", "unknown", "revoked", "expired", "access", "broken"])
async def test_nobody_signs_in_with_a_token_that_is_no_good(scene: Scene, why: str) -> None:
    token, text = await issued(scene.store, expires_at=START + DAY)
    access = (await scene.flow.pair(text))["access_token"]
    shown = {
        "another's": (await issued(MemoryStore(), environment="production"))[1],
        "unknown": (await issued(MemoryStore()))[1],
        "access": access,
        "broken": text[:-1],
    }.get(why, text)
    page = await scene.flow.page()
    if why == "revoked":
        await scene.store.write(lambda records: tokens.revoke(records, token.id, scene.now))
    if why == "expired":
        scene.now += DAY
        page = await scene.flow.page()
    refused = await scene.flow.sign_in(page, shown)
    assert refused.status_code == 403
    assert 'role="alert"' in refused.text
    assert shown not in refused.text
    lines = [line for line in scene.server.served.logged() if line["event"] == "caller refused"]
    assert lines
    assert shown not in json.dumps(lines)


async def test_a_form_is_good_for_its_request_its_browser_and_its_time(scene: Scene) -> None:
    _, text = await issued(scene.store)
    flow = scene.flow
    first, elsewhere = await flow.page(), await flow.page(state="another")
    second = await flow.sign_in(first, text)
    async with browser(scene.server.port) as stranger:
        for page in (first, second):
            thief = Flow(stranger, flow.client_id, flow.verifier)
            assert (await thief.sign_in(page, text, "allow")).status_code == 403
    swapped = elsewhere.text.replace(_hidden(elsewhere.text), _hidden(first.text))
    forged = type(elsewhere)(200, text=swapped)
    assert (await flow.sign_in(forged, text)).status_code == 403
    # The thief's attempt has used up the secret of the second step.
    assert (await flow.decide(second)).status_code == 403
    fresh = await flow.sign_in(await flow.page(), text)
    assert (await flow.decide(fresh)).status_code == 303
    assert (await flow.decide(fresh)).status_code == 403
    late, page = await flow.sign_in(await flow.page(), text), await flow.page()
    scene.now += oauth.CONSENT_LASTS
    assert (await flow.decide(late)).status_code == 403
    assert (await flow.sign_in(page, text)).status_code == 403


def _hidden(page: str) -> str:
    return page.partition('name="form" value="')[2].partition('"')[0]


async def test_a_form_of_a_foreign_page_is_refused(scene: Scene) -> None:
    headers = {"origin": "https://evil.example"}
    refused = await scene.flow.http.post("/authorize", params=scene.flow.asked(), headers=headers)
    assert refused.status_code == 403


DOCUMENT = "https://client.example/client.json"


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({}, True),
        ({"token_endpoint_auth_method": "private_key_jwt"}, True),
        ({"client_id": "https://client.example/other.json"}, False),
        ({"redirect_uris": ["http://evil.example/"]}, False),
        ({"redirect_uris": []}, False),
        ({"token_endpoint_auth_method": "client_secret_post"}, False),
        ({"client_secret": "x"}, False),
    ],
)
async def test_a_client_may_be_described_by_a_document(changes: dict[str, Any], taken: bool) -> None:
    fetched: list[str] = []
    document = {"client_id": DOCUMENT, "client_name": "By document", "redirect_uris": [CALLBACK], **changes}

    async def fetch(url: str) -> bytes:
        fetched.append(url)
        return json.dumps(document).encode()

    async with staged(fetch=fetch) as scene:
        metadata = await scene.flow.http.get("/.well-known/oauth-authorization-server")
        assert metadata.json()["client_id_metadata_document_supported"] is True
        _, text = await issued(scene.store)
        scene.flow.client_id = DOCUMENT
        if not taken:
            assert (await scene.flow.page()).status_code == 400
            return
        assert "By document" in (await scene.flow.page()).text
        pair = await scene.flow.pair(text)
        assert await scene.flow.status(pair["access_token"]) == 200
        assert fetched == [DOCUMENT]
        scene.now += DOCUMENT_LASTS
        await scene.flow.page()
        assert fetched == [DOCUMENT, DOCUMENT]


async def test_documents_are_not_fetched_without_end() -> None:
    fetched: list[str] = []

    async def fetch(url: str) -> bytes:
        fetched.append(url)
        raise ConnectionError

    async with staged(fetch=fetch) as one:
        for number in range(SHARE + 10):
            assert (await one.flow.page(client_id=f"https://client.example/{number}")).status_code == 400
        for wrong in ("http://client.example/x", "https://client.example/", "https://client.example/?x"):
            assert (await one.flow.page(client_id=wrong)).status_code == 400
    assert len(fetched) == SHARE
