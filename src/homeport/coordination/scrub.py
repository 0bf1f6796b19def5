"""What is taken out of data that go to another environment: a policy, and what stands in a text's place.

Secrets always go, and so does everything that came of them. Ids stay, since they are how things refer to each other: of
instances, projects, tasks, messages and threads, and roles, tags, types and capabilities, which are found by what they
say. Whoever calls an instance after a person has that name in the copy, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeport.contract import Scrub


@dataclass(frozen=True, slots=True)
class Policy:
    """What goes besides the secrets.

    ``texts``: what people and agents wrote: bodies, subjects, titles, descriptions, notes, lessons, documents, and the
    texts in metadata. ``names``: what projects are called, and the texts in metadata.
    """

    texts: bool = False
    names: bool = False


PRESETS: Final[Mapping[Scrub, Policy]] = {
    "none": Policy(),
    "texts": Policy(texts=True),
    "all": Policy(texts=True, names=True),
}

SECRET_EVENTS: Final = ("token.*", "grant.*")
"""Kinds of events, as patterns, that say who had which token."""

_LETTERS: Final = dict.fromkeys(range(ord("a"), ord("z") + 1), "x")
_FILLERS: Final = str.maketrans(
    _LETTERS | dict.fromkeys(range(ord("A"), ord("Z") + 1), "X") | dict.fromkeys(range(ord("0"), ord("9") + 1), "0")
)
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]")
# What begins like a token of ours or a secret of a webhook's, also in an address; with what can be a part of it.
_SECRET: Final = re.compile(r"(?:hpt(?:_|%5[fF])|whsec_)[0-9A-Za-z_%+/=-]{9,}")
SECRET_MARKS: Final = ("hpt", "whsec")
"""One of them is in every text that has a secret in it, in this case."""


def filled(text: str) -> str:
    """A text of the same length and shape that says nothing: letters are x, digits 0, spaces and punctuation stay."""
    if not text.isascii():
        text = _FOREIGN.sub("x", text)
    return text.translate(_FILLERS)


def filled_json(value: Any) -> Any:  # noqa: ANN401 - JSON is anything
    """The same for all texts in a JSON value; the keys of objects stay, and so do numbers."""
    match value:
        case str():
            return filled(value)
        case list():
            return [filled_json(one) for one in value]
        case dict():
            return {key: filled_json(one) for key, one in value.items()}
        case _:
            return value


def without_secrets(text: str) -> str:
    """The text with every token and webhook secret in it made unusable, and as long as before."""
    return _SECRET.sub(lambda found: "x" * len(found[0]), text)
