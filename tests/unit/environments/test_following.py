"""Which branch concerns which environment."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from homeport.environments.declaration import parse_declaration
from homeport.environments.environment import Environment
from homeport.environments.faults import DeclarationError
from homeport.environments.following import find_news, followers, hook_text, parse_updates

FILE = PurePosixPath("/srv/homeport/homeport.toml")
A, B, ZERO = "a" * 40, "b" * 40, "0" * 40


def declared(branches: str = '["main", "feature/*"]', more: str = "", where: str = "checkout = 'c'") -> Environment:
    text = f"[environments.development]\n{where}\n[environments.development.follow]\nbranches = {branches}\n{more}"
    return parse_declaration(text, FILE).environment("development")


def test_only_lines_of_gits_own_form_are_updates() -> None:
    text = f"{ZERO} {A} refs/heads/main\nrm -rf / ; x y\n{A} {ZERO} refs/heads/old\n{A} {B} refs/tags/v1\n"
    first, gone, tag = parse_updates(text)
    assert (first.branch, first.after, first.is_gone) == ("main", A, False)
    assert (gone.branch, gone.is_gone) == ("old", True)
    assert tag.branch is None


@pytest.mark.parametrize(("branch", "expected"), [("main", 1), ("feature/x", 1), ("mainly", 0), ("release/1", 0)])
def test_a_branch_is_followed_where_a_pattern_says_so(branch: str, expected: int) -> None:
    assert len(followers([declared()], branch)) == expected


@pytest.mark.parametrize("branch", ["--force", "-x", "a b", "a\nb", "x" * 300])
def test_what_git_could_take_for_an_option_is_followed_by_nobody(branch: str) -> None:
    assert followers([declared('["*"]')], branch) == []
    assert find_news(declared('["*"]'), {branch: B}, {"main": A}, {}) == []


def test_the_first_look_brings_only_what_is_checked_out_and_the_next_ones_what_is_new() -> None:
    one, heads = declared(), {"main": B, "feature/x": A, "release/1": A}
    assert find_news(one, heads, {}, {"main": A}) == [("main", B)]
    assert find_news(one, heads, {}, {"main": B}) == []
    assert find_news(one, heads, {"main": B, "feature/x": A}, {"main": A}) == []
    assert find_news(one, heads, {"main": B}, {"main": B}) == [("feature/x", A)]


@pytest.mark.parametrize(
    ("branches", "more", "where", "words"),
    [
        ('["main"]', "", "", "needs a checkout or a source"),
        ('["--upload-pack=x"]', "", "checkout = 'c'", "is not the name of a branch"),
        ('["a..b"]', "", "checkout = 'c'", "is not the name of a branch"),
        ("[]", "remote = 'https://example.org/a.git'", "checkout = 'c'", "branches names them"),
        ('["main"]', "remote = 'ext::sh -c x'", "checkout = 'c'", "is not the address"),
        ('["main"]', "remote = '--upload-pack=x'", "checkout = 'c'", "is not the address"),
        ('["main"]', "poll_shedule = 'daily'", "checkout = 'c'", 'did you mean "poll_schedule"'),
        ('["main"]', "webhook_secret = '/s'", "checkout = 'c'\ncommand = ['node']", "poll_schedule"),
    ],
)
def test_what_cannot_be_followed_is_a_fault_of_the_declaration(
    branches: str, more: str, where: str, words: str
) -> None:
    with pytest.raises(DeclarationError, match=words):
        declared(branches, more, where)


def test_nothing_that_is_pushed_gets_into_the_hook() -> None:
    text = hook_text(("/opt/a b/python", "-m", "homeport", "receive"))
    assert "exec '/opt/a b/python' -m homeport receive\n" in text
