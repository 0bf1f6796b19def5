"""A text that must not be seen: in a log, an error, a traceback or a debugger's list of variables."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """Holds a secret; only :meth:`reveal` gives it out, so that every place where it leaves can be found.

    Args:
        text: the secret.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        return "…"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        """Takes as long for a near miss as for any other."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # a key of a dictionary is compared in a hurry

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere")
