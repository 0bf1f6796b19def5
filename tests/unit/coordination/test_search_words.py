"""The words of a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.coordination.search import MAX_WORDS, words_of
from homeport.errors import CallError, InvalidError
from tests.support.outcomes import outcome


@given(st.text(max_size=60))
def test_words_hold_nothing_of_any_query_language(text: str) -> None:
    words = outcome(lambda: words_of(text))
    if isinstance(words, CallError):
        return
    assert 1 <= len(words) <= MAX_WORDS
    assert len(set(words)) == len(words)
    assert not any(sign in word for word in words for sign in " _\"'*^:()+-{}\\")


@pytest.mark.parametrize("text", ["", " ", "_", "__ _", "★", "👍🏽", '"*"', "\u0301"])
def test_a_question_without_a_word_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="no word"):
        words_of(text)


def test_words_keep_their_letters_and_lose_their_case() -> None:
    assert words_of("Straße STRASSE Cafe\u0301 foo_bar foo") == ("straße", "strasse", "café", "foo", "bar")
    with pytest.raises(InvalidError, match="17 words"):
        words_of(" ".join(map(str, range(MAX_WORDS + 1))))
