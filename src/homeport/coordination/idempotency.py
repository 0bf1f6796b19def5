"""Idempotency: a call that is made again under the same key gets the first answer, and its work is done once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from homeport.coordination.values import JsonObject, Millis, checked_text
from homeport.errors import ConflictError, InvalidError

if TYPE_CHECKING:
    from homeport.coordination.store import Records

KEEP: Final[Millis] = 7 * 24 * 3600 * 1000
"""Answers are kept this long."""
MAX_KEY: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer to a call under a key. ``fingerprint`` tells a retry from another call.

    The key begins with its owner, where it has one.
    """

    operation: str
    key: str
    fingerprint: str
    answer: JsonObject
    at: Millis


def once(
    records: Records,
    operation: str,
    key: str,
    fingerprint: str,
    now: Millis,
    work: Callable[[], JsonObject],
    owner: str = "",
) -> JsonObject:
    """Does the work in this transaction, unless the same call was answered before: then gives that answer.

    Args:
        records: of the transaction.
        operation: its name.
        key: as the caller gave it.
        fingerprint: of the other arguments.
        now: the time.
        work: gives the answer.
        owner: whose key it is: under another's the same key means another call, so that no answer goes to a stranger.

    Raises:
        ConflictError: the key was used for a call with other arguments.
        InvalidError: the key is empty or too long.
    """
    if not key or len(key) > MAX_KEY:
        raise InvalidError(f"idempotency_key: {len(key)} characters.", f"Give 1 to {MAX_KEY}; a UUID is good.")
    checked_text(key, "idempotency_key")
    kept = f"{owner}\t{key}" if owner else key
    first = records.answers.get(operation, kept)
    if first is not None:
        if first.fingerprint != fingerprint:
            raise ConflictError(
                f"idempotency_key: {key!r} was used for a {operation} with other arguments.",
                "Use a new key for every new call, and the same one only to repeat it.",
            )
        return first.answer
    answer = work()
    records.answers.put(Answer(operation, kept, fingerprint, answer, now))
    return answer
