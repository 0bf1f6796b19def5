"""Small values that every noun uses: time, names, ids, pages, and the limits on what comes from outside."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Final, Protocol

from homeport.errors import InvalidError, TooLargeError

JsonObject = dict[str, Any]
"""A JSON object as Python reads it."""

Millis = int
"""Milliseconds since 1970-01-01T00:00:00Z."""

ACTIVE_WINDOW: Final[Millis] = 15 * 60 * 1000
"""An instance that was seen within this time is active; a lease lasts as long, so both end together."""

MAX_NAME: Final = 200
MAX_TITLE: Final = 500
MAX_BODY: Final = 262_144
MAX_TEXT: Final = 65_536
MAX_METADATA: Final = 65_536
MAX_ITEMS: Final = 100
"""Tags, dependencies, recipients, members, capabilities: at most this many in one call."""
MAX_PAGE: Final = 200

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORBIDDEN_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\,:]")
_DOTS_ONLY = re.compile(r"\.+")


class IdSource(Protocol):
    """Where new ids come from; tests pass a counter."""

    def new(self, prefix: str, now: Millis) -> str:
        """A new id such as ``msg-1764892800000-9f2c51d0``: sortable by time, unique."""


class RandomIds:
    """Ids as the earlier server formed them, with 48 random bits instead of its 16."""

    def new(self, prefix: str, now: Millis) -> str:
        return f"{prefix}-{now}-{secrets.token_hex(6)}"


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted: at most ``limit`` rows that follow the position ``after``.

    ``after`` is the sort key of the last row that was seen, as the list's own order defines it.
    """

    limit: int = 50
    after: tuple[int | str, ...] | None = None


def iso(at: Millis) -> str:
    """RFC 3339 in UTC with milliseconds: ``2026-10-02T06:15:00.000Z``."""
    seconds, millis = divmod(at, 1000)
    # isoformat and not strftime, which leaves out the leading zeros of early years.
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{millis:03d}Z"


def from_iso(text: str) -> Millis:
    """The opposite of :func:`iso`; accepts every RFC 3339 form, and a missing zone as UTC.

    Raises:
        InvalidError: the text is not a time.
    """
    try:
        at = datetime.fromisoformat(text)
        at = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidError(f"{text!r} is not a time.", "Write it as 2026-10-02T06:15:00Z.") from error
    return (at - _EPOCH) // timedelta(milliseconds=1)


def checked_name(text: str, field: str) -> str:
    """An id or a name that came from outside, safe to be shown, compared, and used as a file's name on export.

    Raises:
        InvalidError: empty, over :data:`MAX_NAME` characters, blank at an end, made of dots, or with a
            control character, half a surrogate pair, a slash, a backslash, a comma or a colon.
    """
    if not text or len(text) > MAX_NAME:
        raise InvalidError(f"{field}: {len(text)} characters.", f"An id has 1 to {MAX_NAME} characters.")
    if text != text.strip() or _DOTS_ONLY.fullmatch(text) or _FORBIDDEN_IN_NAMES.search(text):
        raise InvalidError(
            f"{field}: {text!r} cannot be an id.",
            "An id has no slash, backslash, comma, colon or control character, no blank at its ends,"
            " and is not made of dots.",
        )
    return text


def checked_text(text: str, field: str, limit: int = MAX_TEXT) -> str:
    """A text of at most ``limit`` bytes of UTF-8.

    Raises:
        TooLargeError: it is longer.
        InvalidError: it holds a lone surrogate, which UTF-8 cannot carry.
    """
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidError(f"{field}: not valid Unicode.", "Remove the lone surrogate.") from error
    if size > limit:
        raise TooLargeError(f"{field}: {size} bytes, at most {limit} are allowed.", "Shorten it or split it.")
    return text


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> JsonObject:
    """Metadata after an update: keys of ``new`` replace those of ``old``; a null removes its key."""
    return {key: value for key, value in {**old, **new}.items() if value is not None}


def did_you_mean(word: str, known: list[str]) -> str:
    """A hint that offers the nearest of the ``known`` words, or lists the first of them; may be empty."""
    near = get_close_matches(word, known, n=3, cutoff=0.6)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"Known: {', '.join(sorted(known)[:10])}." if known else ""
