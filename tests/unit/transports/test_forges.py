"""Webhooks of forges: whether they are signed, and what they say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from homeport.errors import InvalidError, UnauthorizedError
from homeport.secret import Secret
from homeport.transports.forges import Pushed, judge, read_push
from tests.support.signed import (
    KEY,
    SECRET,
    SIGNING_SECRET,
    forgejo,
    gitea,
    github,
    gitlab,
    gitlab_signed,
    push_body,
)

NOW = 1_790_000_000.0
BODY = push_body()
Form = Callable[..., dict[str, str]]


def raw(headers: dict[str, str]) -> dict[bytes, bytes]:
    return {name.lower().encode(): value.encode() for name, value in headers.items()}


@pytest.mark.parametrize(
    ("form", "forge"), [(github, "github"), (gitea, "gitea"), (forgejo, "forgejo"), (gitlab, "gitlab")]
)
def test_every_forges_form_is_known_and_a_wrong_secret_is_refused(form: Form, forge: str) -> None:
    delivery = judge(raw(form(BODY)), BODY, Secret(SECRET), NOW)
    assert (delivery.forge, delivery.id, delivery.is_push) == (forge, "d-1", True)
    with pytest.raises(UnauthorizedError):
        judge(raw(form(BODY, secret="another secret")), BODY, Secret(SECRET), NOW)


@pytest.mark.parametrize("form", [github, gitea, forgejo])
def test_a_body_that_was_changed_on_its_way_is_refused(form: Form) -> None:
    with pytest.raises(UnauthorizedError):
        judge(raw(form(BODY)), push_body(branch="evil"), Secret(SECRET), NOW)


def test_gitlabs_signed_form_covers_id_time_and_body() -> None:
    headers = raw(gitlab_signed(BODY, at=NOW - 200))
    assert judge(headers, BODY, Secret(SIGNING_SECRET), NOW).forge == "gitlab"
    for changed in ({b"webhook-id": b"d-2"}, {b"webhook-timestamp": b"1790000001"}, {b"webhook-timestamp": b"x"}):
        with pytest.raises(UnauthorizedError):
            judge({**headers, **changed}, BODY, Secret(SIGNING_SECRET), NOW)
    with pytest.raises(UnauthorizedError):
        judge(headers, BODY + b" ", Secret(SIGNING_SECRET), NOW)
    with pytest.raises(UnauthorizedError):
        judge(headers, BODY, Secret(SIGNING_SECRET), NOW + 301)


def test_a_plain_signing_secret_is_its_own_key() -> None:
    headers = raw(gitlab_signed(BODY, at=NOW, key=SECRET.encode()))
    assert judge(headers, BODY, Secret(SECRET), NOW).id == "d-1"
    assert KEY.decode() not in SIGNING_SECRET


def test_a_bad_signature_is_not_mended_by_a_weaker_form_beside_it() -> None:
    headers = {**gitlab_signed(BODY, at=NOW, key=b"x" * 32), **gitlab(BODY)}
    with pytest.raises(UnauthorizedError):
        judge(raw(headers), BODY, Secret(SECRET), NOW)


def test_what_is_not_signed_at_all_is_told_so() -> None:
    with pytest.raises(UnauthorizedError, match="is not signed"):
        judge({b"x-github-event": b"push"}, BODY, Secret(SECRET), NOW)


def test_of_a_push_only_branch_and_commit_are_taken() -> None:
    body = push_body("feature/better-messaging", "b" * 40, repository={"clone_url": "https://evil.example"})
    assert read_push(body) == Pushed("feature/better-messaging", "b" * 40)


@pytest.mark.parametrize(
    "body", [push_body(commit="0" * 40), b'{"ref": "refs/tags/v1", "after": "' + b"a" * 40 + b'"}']
)
def test_a_removed_branch_and_a_tag_ask_for_nothing(body: bytes) -> None:
    assert read_push(body) is None


@pytest.mark.parametrize(
    "body",
    [
        b"payload=%7B%7D",
        b"[]",
        b"{}",
        push_body(commit="HEAD"),
        push_body("--upload-pack=x"),
        push_body("a b"),
        push_body("../../etc"),
        push_body("a\nb"),
        push_body("x" * 300),
    ],
)
def test_names_that_git_would_not_give_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidError):
        read_push(body)
