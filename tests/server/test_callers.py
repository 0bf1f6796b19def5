"""Who is answered: tokens at the edge of the server."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from homeport.coordination import tokens
from homeport.coordination.tokens import Token
from homeport.errors import UnavailableError
from homeport.storage.memory import MemoryStore
from tests.support.credentials import bearer, issued
from tests.support.desk import MINUTE, START
from tests.support.site import LEGACY, MODERN, Served, modern, served, tool_call
from tests.support.waiting import eventually

STATUS = "/api/v1/status"
OPEN_PATHS = ("/health", "/openapi.json", "/")
GUARDED = (STATUS, "/api/v1/none", "/mcp")


@pytest.fixture
async def guarded() -> AsyncIterator[Served]:
    """A site that answers nobody without a token."""
    async with served(auth="tokens") as one:
        yield one


def store_of(site: Served) -> MemoryStore:
    assert isinstance(site.dispatcher.store, MemoryStore)
    return site.dispatcher.store


async def asked(site: Served, text: str, path: str = STATUS) -> httpx2.Response:
    return await site.http.get(path, headers=bearer(text))


async def refused(site: Served, text: str, environment: str = "development") -> str:
    """The sentence with which a token is refused, which is one of the same shape whatever the reason."""
    response = await asked(site, text)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    error = response.json()["error"]
    assert error["code"] == "unauthorized"
    assert f"homeport token create {environment}" in error["hint"] or "copy all of it" in error["hint"]
    assert text not in response.text
    return str(error["message"])


async def test_a_good_token_is_answered_and_named_in_the_log(guarded: Served) -> None:
    token, text = await issued(store_of(guarded), "the laptop of nova")
    for _ in range(3):
        assert (await asked(guarded, text)).status_code == 200
    assert [line.get("caller") for line in guarded.logged()] == [token.name] * 3


@pytest.mark.parametrize("path", GUARDED)
async def test_without_a_token_nobody_is_answered_and_told_what_to_do(guarded: Served, path: str) -> None:
    response = await guarded.http.get(path)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "homeport token create development" in response.text
    assert "Authorization: Bearer TOKEN" in response.text


@pytest.mark.parametrize("path", OPEN_PATHS)
async def test_what_says_nothing_of_the_team_needs_no_token(guarded: Served, path: str) -> None:
    assert (await guarded.http.get(path)).status_code == 200


async def test_well_known_paths_are_not_found_and_no_challenge(guarded: Served) -> None:
    for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp", "/none"):
        response = await guarded.http.get(path)
        assert response.status_code == 404
        assert "www-authenticate" not in response.headers


@pytest.mark.parametrize("version", [None, *LEGACY, MODERN])
async def test_a_refusal_on_mcp_is_a_json_rpc_response_with_the_requests_id(guarded: Served, version: str) -> None:
    body, headers = tool_call(version, "get_server_status", {})
    response = await guarded.post({**body, "id": "my-id"}, headers)
    assert response.status_code == 401
    answer = response.json()
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", "my-id")
    assert answer["error"]["data"]["code"] == "unauthorized"


@pytest.mark.parametrize("body", [b"{", b"", b"[]", b'{"id": null}', b'{"id": [1]}', b" " * 70_000 + b'{"id": 7}'])
async def test_a_refusal_of_what_has_no_readable_id_has_none(guarded: Served, body: bytes) -> None:
    response = await guarded.post(body)
    assert (response.status_code, response.json()["id"]) == (401, None)


async def test_every_way_through_mcp_carries_the_caller(guarded: Served) -> None:
    _, text = await issued(store_of(guarded), scope="read")
    for version in (None, *LEGACY, MODERN):
        for progress in (False, True):
            body, headers = tool_call(
                version, "create_project", {"id": "p", "name": "P", "description": ""}, progress=progress
            )
            response = await guarded.post(body, {**headers, **bearer(text)})
            assert response.status_code == 200
            assert "needs a token of scope write" in response.text
    body, headers = modern("tools/list")
    assert (await guarded.post(body, headers | bearer(text))).status_code == 200


async def test_a_token_that_does_not_reach_is_forbidden_in_the_json_api(guarded: Served) -> None:
    _, text = await issued(store_of(guarded), scope="read")
    response = await guarded.post({"id": "p", "name": "P", "description": ""}, bearer(text), "/api/v1/projects")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden")


async def test_a_forged_sender_is_refused_and_the_tokens_own_is_filled_in(guarded: Served) -> None:
    _, text = await issued(store_of(guarded), instance_id="nova")
    message = {"to": "all", "subject": "S", "content": "c"}
    forged = await guarded.post({**message, "from": "kai"}, bearer(text), "/api/v1/messages")
    assert (forged.status_code, forged.json()["error"]["message"]) == (
        403,
        "from: this token speaks as nova, not as kai.",
    )
    sent = await guarded.post(message, bearer(text), "/api/v1/messages")
    assert sent.json()["message"]["from"] == "nova"


async def test_each_bad_token_is_refused_with_its_own_sentence_and_the_same_status() -> None:
    async with served(auth="tokens") as site:
        store = store_of(site)
        token, text = await issued(store, expires_at=START + 10 * MINUTE)
        gone, gone_text = await issued(store, "gone")
        _, elsewhere = await issued(MemoryStore(), environment="production")
        _, unknown = await issued(MemoryStore())
        await store.write(lambda records: tokens.revoke(records, gone.id, START))
        assert (await asked(site, text)).status_code == 200
        assert await refused(site, gone_text) == "This token was revoked at 2025-12-05T00:00:00.000Z."
        assert await refused(site, elsewhere) == "This is a token of production, and this is development."
        never_seen = await refused(site, unknown)
        assert never_seen == "This token is not known in development."
        # The same id with another secret, whose checksum is right: no more is told than of an id that is not there.
        other = tokens.mint("development", bytes(28))[1].reveal()
        body = f"{tokens.shown_prefix('development', token.id)}{other[-36:-6]}"
        assert await refused(site, body + tokens.checksum(body)) == never_seen
        assert "none of Homeport's, or not a whole one" in await refused(site, text[:-1])


async def test_a_token_expires_at_its_time() -> None:
    now, seconds = START, 0.0
    async with served(auth="tokens", clock=lambda: now, monotonic=lambda: seconds) as site:
        _, text = await issued(store_of(site), expires_at=START + MINUTE)
        assert (await asked(site, text)).status_code == 200
        now, seconds = START + MINUTE, 60.0
        assert await refused(site, text) == "This token expired at 2025-12-05T00:01:00.000Z."


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"bearer\t",
        b"Bearer hpt_",
        b"Bearer hpt_development_",
        b"Bearer hpt_development_%s" % (b"A" * 44),
        b"Bearer \xff\xfe",
        b"Bearer hpt_development_\xc3\xbc" + b"A" * 43,
        b"Basic aG9tZTpwb3J0",
        b"Token x",
        b"hpt_development_" + b"A" * 44,
        b"Bearer " + b"A" * 60_000,
        b"Bearer null",
        b"Bearer %s, Bearer %s",
        b"Bearer ../../x",
        b"Bearer ' OR 1=1 --",
    ],
)
async def test_junk_is_refused_like_any_other_bad_token(guarded: Served, junk: bytes) -> None:
    response = await guarded.http.get(STATUS, headers=[(b"authorization", junk)])
    assert response.status_code == 401
    assert "Traceback" not in json.dumps(guarded.logged())


@pytest.mark.parametrize("form", ["bearer {}", "BEARER {}", "Bearer   {}", "bEaReR\t{}", "Bearer {}  "])
async def test_the_scheme_is_read_in_any_case_and_with_any_blanks(guarded: Served, form: str) -> None:
    _, text = await issued(store_of(guarded))
    assert (await guarded.http.get(STATUS, headers={"authorization": form.format(text)})).status_code == 200


async def test_two_authorization_headers_are_refused_also_where_one_is_good(guarded: Served) -> None:
    _, text = await issued(store_of(guarded))
    good = (b"authorization", f"Bearer {text}".encode())
    for headers in ([good, (b"authorization", b"Bearer x")], [(b"authorization", b"Basic x"), good], [good, good]):
        response = await guarded.http.get(STATUS, headers=headers)
        assert response.status_code == 401
        assert "two Authorization headers" in response.text


@pytest.mark.parametrize("query", ["token={}", "access_token={}", "x={}", "a=b&Token={}", "{}", "%74oken={}"])
@pytest.mark.parametrize("auth", ["tokens", "open"])
async def test_a_token_in_the_address_is_refused_and_never_logged(auth: str, query: str) -> None:
    async with served(auth=auth) as site:
        _, text = await issued(store_of(site))
        for path in (STATUS, "/mcp"):
            for written in (text, text.replace("_", "%5F")):
                response = await site.http.get(f"{path}?{query.format(written)}", headers=bearer(text))
                assert response.status_code == 401
                assert "token in the address" in response.text
                assert text[-36:] not in response.text
        site.log.flush()
        assert text[-36:] not in "".join(site.lines)


async def test_a_token_in_a_path_is_not_logged_either(guarded: Served) -> None:
    _, text = await issued(store_of(guarded))
    await asked(guarded, text, f"/api/v1/messages/{text}")
    await guarded.http.get(f"/{text}")
    guarded.log.flush()
    written = "".join(guarded.lines)
    assert "hpt_…" in written
    assert text[-36:] not in written


async def test_an_open_environment_needs_no_token_but_judges_one_that_is_shown() -> None:
    async with served(auth="open") as site:
        assert (await site.http.get(STATUS)).status_code == 200
        _, text = await issued(store_of(site), scope="read", instance_id="nova")
        assert (await asked(site, text)).status_code == 200
        assert site.logged()[-1]["caller"] == "nova"
        response = await site.post({"id": "p", "name": "P", "description": ""}, bearer(text), "/api/v1/projects")
        assert response.status_code == 403
        _, elsewhere = await issued(MemoryStore(), environment="production")
        assert await refused(site, elsewhere) == "This is a token of production, and this is development."
        assert (await site.http.get(STATUS, headers={"authorization": "Basic of-a-proxy"})).status_code == 200


async def test_a_revoked_token_is_refused_at_once(guarded: Served) -> None:
    token, text = await issued(store_of(guarded))
    assert (await asked(guarded, text)).status_code == 200
    await guarded.dispatcher.store.write(lambda records: tokens.revoke(records, token.id, START))
    assert (await asked(guarded, text)).status_code == 401


async def test_a_token_that_was_revoked_without_a_word_is_refused_a_second_later() -> None:
    seconds = 0.0
    async with served(auth="tokens", monotonic=lambda: seconds) as site:
        token, text = await issued(store_of(site))
        assert (await asked(site, text)).status_code == 200
        # As another process would do it, of whose events nobody tells.
        await store_of(site).write(lambda records: records.tokens.put(replace(token, revoked_at=START)))
        seconds = 1.0
        assert (await asked(site, text)).status_code == 401


async def test_the_last_use_is_written_down_at_most_once_a_minute() -> None:
    now, seconds = START + 5, 0.0
    async with served(auth="tokens", clock=lambda: now, monotonic=lambda: seconds) as site:
        token, text = await issued(store_of(site))

        async def last_used() -> int | None:
            kept = await store_of(site).read(lambda records: records.tokens.get(token.id))
            assert kept is not None
            return kept.last_used_at

        async def used(at: int) -> None:
            async def is_written() -> bool:
                return await last_used() == at

            await eventually(is_written)

        await asked(site, text)
        await used(START + 5)
        now, seconds = START + 5 + MINUTE - 1, 59.0
        await asked(site, text)
        await used(START + 5)
        now, seconds = START + 5 + MINUTE, 61.0
        await asked(site, text)
        await used(START + 5 + MINUTE)


async def test_a_last_use_that_cannot_be_written_down_does_not_fail_the_call() -> None:
    class Full(MemoryStore):
        async def write(self, work: Any) -> Any:
            if self.full:
                raise UnavailableError("The disk is full.", "Free some space.")
            return await super().write(work)

        full = False

    store = Full()
    async with served(store, auth="tokens") as site:
        _, text = await issued(store)
        store.full = True
        assert (await asked(site, text)).status_code == 200
        await site.gate.close()
        assert "the last use of a token was not written down" in [line["event"] for line in site.logged()]
        store.full = False


async def test_a_store_that_cannot_be_read_is_an_outage_and_no_wrong_token() -> None:
    class Away(MemoryStore):
        away = False

        async def read(self, work: Any) -> Any:
            if self.away:
                raise UnavailableError("The database is away.", "Call again.")
            return await super().read(work)

    store = Away()
    async with served(store, auth="tokens") as site:
        _, text = await issued(store)
        store.away = True
        response = await asked(site, text)
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        answer = (await site.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}, bearer(text))).json()
        assert answer["error"]["data"]["code"] == "unavailable"


async def test_tokens_are_compared_in_constant_time_whether_known_or_not(
    guarded: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []
    real = hmac.compare_digest

    def compare(one: Any, other: Any) -> bool:
        compared.append(len(other))
        return bool(real(one, other))

    _, known = await issued(store_of(guarded))
    _, unknown = await issued(MemoryStore())
    monkeypatch.setattr(hmac, "compare_digest", compare)
    for text in (known, unknown):
        await asked(guarded, text)
    # The checksum and the digest, for the one as for the other.
    assert compared == [6, 64, 6, 64]


def test_what_a_token_is_kept_as_has_no_field_for_its_secret() -> None:
    assert set(Token.__dataclass_fields__) == {
        *("id", "name", "scope", "instance_id", "digest"),
        *("created_at", "expires_at", "revoked_at", "last_used_at"),
    }
