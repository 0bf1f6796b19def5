"""How often callers are answered: failed attempts, and the rate limit of each identity."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from homeport.coordination import tokens
from tests.support.credentials import bearer, issued
from tests.support.desk import START
from tests.support.site import Served, modern, served

STATUS = "/api/v1/status"


@pytest.fixture
async def guarded() -> AsyncIterator[Served]:
    """A site that answers nobody without a token."""
    async with served(auth="tokens") as one:
        yield one


async def asked(site: Served, text: str) -> httpx2.Response:
    return await site.http.get(STATUS, headers=bearer(text))


async def test_failed_attempts_are_logged_without_the_secret(guarded: Served) -> None:
    token, text = await issued(guarded.dispatcher.store)
    await guarded.dispatcher.store.write(lambda records: tokens.revoke(records, token.id, START))
    await asked(guarded, text)
    await guarded.http.get(STATUS)
    failed = [line for line in guarded.logged() if line["event"] == "caller refused"]
    assert [line["level"] for line in failed] == ["warning"] * 2
    assert failed[0]["token"] == token.id
    assert failed[0]["reason"].startswith("This token was revoked")
    assert failed[0]["client"]
    assert text[-36:] not in json.dumps(guarded.logged())


async def test_failed_attempts_from_one_address_are_limited_and_a_good_token_is_not() -> None:
    seconds = 0.0
    async with served(auth="tokens", monotonic=lambda: seconds) as site:
        _, text = await issued(site.dispatcher.store)
        statuses = [(await site.http.get(STATUS)).status_code for _ in range(100)]
        assert statuses == [401] * 60 + [429] * 40
        limited = await site.post({"jsonrpc": "2.0", "id": 7, "method": "ping"})
        assert (limited.status_code, limited.headers["retry-after"], limited.json()["id"]) == (429, "1", 7)
        assert (await asked(site, text)).status_code == 200
        assert len([line for line in site.logged() if line["event"] == "caller refused"]) == 60
        seconds = 1.0
        assert (await site.http.get(STATUS)).status_code == 401


async def test_each_token_has_a_rate_limit_of_its_own_and_is_told_what_is_left() -> None:
    seconds = 0.0
    async with served(auth="tokens", rate_limit=3, monotonic=lambda: seconds) as site:
        _, one = await issued(site.dispatcher.store)
        _, other = await issued(site.dispatcher.store, "kai")
        answers = [await asked(site, one) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        assert answers[0].headers["ratelimit-limit"] == "3"
        assert answers[0].headers["ratelimit-reset"] == "20"
        assert answers[0].headers["ratelimit"] == '"default";r=2;t=20'
        assert answers[-1].headers["retry-after"] == "20"
        assert "over 3 requests in a minute" in answers[-1].json()["error"]["message"]
        assert (await asked(site, other)).status_code == 200
        over = await site.post({"jsonrpc": "2.0", "id": 7, "method": "ping"}, bearer(one))
        assert (over.status_code, over.json()["id"], over.json()["error"]["data"]["code"]) == (429, 7, "limited")
        seconds = 20.0
        assert (await asked(site, one)).status_code == 200
        assert "ratelimit-limit" not in (await site.http.get("/health")).headers


async def test_where_nobody_shows_a_token_the_limit_is_each_addresss() -> None:
    async with served(auth="open", rate_limit=2) as site:
        assert [(await site.http.get(STATUS)).status_code for _ in range(3)] == [200, 200, 429]
        body, headers = modern("tools/list")
        assert (await site.post(body, headers)).status_code == 429
        _, text = await issued(site.dispatcher.store)
        assert (await asked(site, text)).status_code == 200


async def test_an_answer_of_the_sdk_says_what_is_left_too() -> None:
    async with served(auth="open", rate_limit=10) as site:
        answer = await site.post(*modern("tools/list"))
        assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (200, "9")
