"""Texts of others on pages: nothing in them acts, nothing is asked for elsewhere."""

from __future__ import annotations

import re

import pytest

from homeport.transports.pages import texts
from homeport.transports.pages.flags import flag, letter_of

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](data:text/html,<script>alert(1)</script>)",
    "![a](javascript:alert(1))",
    "<a href='javascript:alert(1)'>x</a>",
    "[a](vbscript:x)",
    "`<script>`",
    "<svg/onload=alert(1)>",
    "[x](<javascript:alert(1)>)",
    "<iframe src=//evil.example></iframe>",
    '"><style>*{display:none}</style>',
    '[a](http://a.example/?" onmouseover="alert(1))',
)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_becomes_harmless(text: str) -> None:
    shown = str(texts.markdown(text)).lower()
    for bad in ("<script", "<img", "<svg", "<iframe", "<style", 'href="javascript', 'href="data', 'href="vbscript'):
        assert bad not in shown
    assert not re.search(r"<[^>]*\son[a-z]+=", shown)


def test_a_picture_is_a_link_and_a_link_says_where_it_leads() -> None:
    shown = str(texts.markdown("![chart](https://evil.example/x.png) [our docs](https://evil.example)"))
    assert "<img" not in shown
    assert shown.count('<span class="host">evil.example</span>') == 2
    assert shown.count('rel="noopener noreferrer nofollow"') == 2
    assert "host" not in str(texts.markdown("[evil.example](https://evil.example)"))


@pytest.mark.parametrize(
    "text", ["[" * 20_000, "*a " * 20_000, "`" * 20_001, "> " * 5_000 + "x", "a" * 100_000, "|" * 9_000]
)
def test_a_text_made_to_break_a_parser_is_shown_all_the_same(text: str) -> None:
    assert str(texts.markdown(text))


def test_formatting_that_people_use_is_kept() -> None:
    shown = str(
        texts.markdown("# T\n\n- **b**\n\n1. `c`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nx\n```\n~~d~~")
    )
    for tag in ("<h1>", "<strong>", "<ol>", "<code>", "<table>", "<td>", '<code class="language-python">', "<s>"):
        assert tag in shown, tag


@pytest.mark.parametrize(
    ("text", "query", "shown"),
    [
        ("The Queue is full", "queue", "The <mark>Queue</mark> is full"),
        ("a <b>queue</b>", "queue", "a &lt;b&gt;<mark>queue</mark>&lt;/b&gt;"),
        ("nothing", "queue", "nothing"),
        ("a (b", "(b", "a (<mark>b</mark>"),
        ("x", "!!", "x"),
    ],
)
def test_what_was_looked_for_is_marked(text: str, query: str, shown: str) -> None:
    marked = str(texts.highlighted(text, query))
    assert marked == shown or (query == "(b" and "<mark>b</mark>" in marked)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "just now"), (61, "1 min ago"), (7_300, "2 h ago"), (3 * 86_400, "3 d ago"), (-3_700, "in 1 h"), (10**7, "")],
)
def test_a_time_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert texts.ago(seconds) == said


def test_names_are_listed_as_in_a_sentence() -> None:
    assert texts.listed(["a"]) == "a"
    assert texts.listed(["a", "b", "c"]) == "a, b and c"
    assert texts.listed([]) == ""
    assert texts.count(1, "task") == "1 task"
    assert texts.count(12_000, "task") == "12 000 tasks"


def test_every_letter_flies_a_flag_of_its_own() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    assert len({str(flag(letter)) for letter in letters}) == len(letters)
    assert letter_of("42-Nova") == "n"
    assert letter_of("…") == "q"
