"""The text of tokens, and what is kept of them."""

from __future__ import annotations

import hmac
import json
import math
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coordination import tokens
from homeport.coordination.store import Records, Store
from homeport.coordination.tokens import Request, Token
from homeport.errors import ConflictError, InvalidError, NotFoundError, UnauthorizedError
from homeport.secret import Secret
from tests.support.desk import START

DOCUMENT = Path(__file__).parents[3] / "docs" / "tokens.md"
RANDOM = bytes(range(28))
ENVIRONMENTS = st.from_regex(r"[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){0,2}", fullmatch=True)


@given(ENVIRONMENTS, st.binary(min_size=28, max_size=28))
def test_every_token_is_recognised_and_names_its_environment_and_id(environment: str, random: bytes) -> None:
    token_id, text = tokens.mint(environment, random)
    assert re.fullmatch(tokens.PATTERN, text.reveal())
    assert text.reveal().startswith(tokens.shown_prefix(environment, token_id))
    assert tokens.id_of(text.reveal(), environment) == token_id


def test_a_token_has_over_160_bits_that_nobody_can_know() -> None:
    secrets = {tokens.mint("production", RANDOM[:6] + n.to_bytes(22))[1].reveal()[-36:-6] for n in (0, 1, 2**176 - 1)}
    assert len(secrets) == 3
    assert all(len(secret) == 30 for secret in secrets)
    assert math.log2(62**30) > 176


@given(st.data())
def test_a_token_with_one_character_changed_is_refused_without_a_look_up(data: st.DataObject) -> None:
    text = tokens.mint("production", data.draw(st.binary(min_size=28, max_size=28)))[1].reveal()
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda one: one != text[place]))
    with pytest.raises(UnauthorizedError):
        tokens.id_of(text[:place] + other + text[place + 1 :], "production")


@given(st.text(max_size=100))
def test_junk_is_no_token(text: str) -> None:
    with pytest.raises(UnauthorizedError, match="none of Homeport's"):
        tokens.id_of(text, "production")


def test_a_token_of_another_environment_is_told_whose_it_is() -> None:
    text = tokens.mint("development", RANDOM)[1].reveal()
    with pytest.raises(UnauthorizedError, match="This is a token of development, and this is production") as refused:
        tokens.id_of(text, "production")
    assert text not in str(refused.value)


def kept(text: Secret, token_id: str) -> Token:
    return Token(token_id, "n", "write", None, tokens.digest(text.reveal()), START, START + 10)


def test_each_reason_to_refuse_a_token_has_its_own_sentence() -> None:
    token_id, text = tokens.mint("production", RANDOM)
    good, shown = kept(text, token_id), tokens.digest(text.reveal())
    assert tokens.judge(good, shown, "production", START + 9) is good
    for found, reason in (
        (None, "not known in production"),
        (replace(good, digest="0" * 64), "not known in production"),
        (replace(good, revoked_at=START), "was revoked at 2025-12-05T00:00:00.000Z"),
        (replace(good, expires_at=START), "expired at 2025-12-05T00:00:00.000Z"),
    ):
        with pytest.raises(UnauthorizedError, match=reason):
            tokens.judge(found, shown, "production", START + 9)


def test_an_unknown_id_is_compared_like_a_known_one_and_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []
    real = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    token_id, text = tokens.mint("production", RANDOM)
    shown = tokens.digest(text.reveal())
    told = set()
    for found in (None, replace(kept(text, token_id), digest="0" * 64), replace(kept(text, token_id), digest="f" * 64)):
        with pytest.raises(UnauthorizedError) as refused:
            tokens.judge(found, shown, "production", START)
        told.add(str(refused.value))
    assert [(len(one), other) for one, other in compared] == [(64, shown)] * 3
    assert len(told) == 1


async def create(store: Store, random: bytes = RANDOM, **wanted: Any) -> tuple[Token, Secret]:
    request = Request(**{"name": "nova", **wanted})
    return await store.write(lambda records: tokens.create(records, request, "production", random, START))


async def test_what_is_kept_of_a_token_opens_nothing(store: Store) -> None:
    token, text = await create(store)
    everything = json.dumps(asdict(token))
    assert text.reveal() not in everything
    assert text.reveal()[-36:] not in everything
    assert await store.read(lambda records: records.tokens.get(token.id)) == token


async def test_creating_and_revoking_are_events_without_a_secret(store: Store) -> None:
    token, text = await create(store)
    told: list[object] = []
    store.listen(told.extend)
    revoked = await store.write(lambda records: tokens.revoke(records, token.id, START + 1))
    again = await store.write(lambda records: tokens.revoke(records, token.id, START + 2))
    assert revoked == again
    assert revoked.revoked_at == START + 1
    assert [getattr(one, "kind", None) for one in told] == [tokens.REVOKED]
    assert text.reveal()[-36:] not in str(told)


async def test_two_good_tokens_have_two_names_and_a_name_is_free_again(store: Store) -> None:
    token, _ = await create(store)
    with pytest.raises(ConflictError, match=f"The token {token.id} has the name 'nova'"):
        await create(store, RANDOM[::-1])
    await store.write(lambda records: tokens.revoke(records, token.id, START))
    await create(store, RANDOM[::-1])


@pytest.mark.parametrize(
    "wanted", [{"name": ""}, {"name": "x" * 81}, {"name": "a/b"}, {"instance_id": "a,b"}, {"expires_at": START}]
)
async def test_a_token_that_cannot_be_is_not_made(store: Store, wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidError):
        await create(store, **wanted)

    def none(records: Records) -> bool:
        return not records.tokens.all()

    assert await store.read(none)


async def test_what_is_not_there_cannot_be_revoked(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no token nothing"):
        await store.write(lambda records: tokens.revoke(records, "nothing", START))


def test_whatever_could_be_a_token_is_hidden_in_a_log() -> None:
    text = tokens.mint("production", RANDOM)[1].reveal()
    for written in (text, text[:-1], text[:30], f"/x?token={text}&y", text.replace("_", "%5F"), f"{text}{text}"):
        assert text[-20:] not in tokens.hidden(written)
        assert tokens.is_like_token(written)
        assert not tokens.is_like_token(tokens.hidden(written))
    for harmless in ("hpt_", "hptimal", "GET /api/v1/messages", "hpt_production"):
        assert tokens.hidden(harmless) == harmless


def test_the_documented_expression_for_scanners_finds_a_token_in_any_text() -> None:
    documented = re.findall(r"^\s*(hpt_\S+)$", DOCUMENT.read_text(), re.MULTILINE)
    assert documented == [tokens.PATTERN]
    text = tokens.mint("team-a", RANDOM)[1].reveal()
    for around in ("{}", '"Authorization": "Bearer {}",', "TOKEN={}\n", "see `{}`.", "https://x/?t={}&u=1"):
        assert re.findall(tokens.PATTERN, around.format(text)) == [text]
