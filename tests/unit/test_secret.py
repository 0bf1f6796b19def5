"""A secret does not get out by being shown."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from homeport.secret import Secret

TEXT = "the text that nobody may see"


def test_a_secret_shows_itself_in_no_way_of_writing_it() -> None:
    secret = Secret(TEXT)
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", "%s" % secret, str([secret])):  # noqa: UP031 - each way of writing
        assert TEXT not in shown
    assert secret.reveal() == TEXT


def test_a_secret_in_an_exception_does_not_get_into_its_traceback() -> None:
    with pytest.raises(RuntimeError) as raised:
        raise RuntimeError(Secret(TEXT))
    assert TEXT not in "".join(traceback.format_exception(raised.value))


def test_a_secret_cannot_be_written_or_copied_away() -> None:
    for away in (pickle.dumps, copy.copy, copy.deepcopy, hash):
        with pytest.raises(TypeError):
            away(Secret(TEXT))


def test_two_secrets_of_one_text_are_equal_and_no_text_is_a_secret() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret(TEXT + "x")
    assert Secret(TEXT) != TEXT
