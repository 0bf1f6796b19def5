"""What the two halves agree on where a forge's webhook asks for a branch: one notes it, the other acts on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, TypedDict

PUSHES_PATH: Final = "/hooks/push"
"""Where the server takes a forge's webhooks, where that is declared."""
REQUEST_SUFFIX: Final = ".request.json"
"""How the files end in which the server asks for a branch; see :class:`BranchRequest`."""
LARGEST_REQUEST: Final = 4096
"""Bytes of such a file."""
BRANCH_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9_./+-]{0,199}"
COMMIT_NAME: Final = r"[0-9a-f]{40}|[0-9a-f]{64}"


class BranchRequest(TypedDict):
    """What a signed webhook asks for: the server writes it, and a unit of another user reads it.

    Neither side believes more of the webhook than this, and the reader believes nothing of it: it asks the declared
    remote for that branch.
    """

    branch: str
    commit: str
    """The whole name of the commit that was announced."""
    forge: str
    at: str
    """RFC 3339, UTC: when it was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings:
    """What the server must know to take a forge's webhooks."""

    branches: tuple[str, ...]
    """Patterns of those that may be asked for; see :func:`is_followed`."""
    secret_file: str
    """Absolute; holds what the forge signs with."""
    requests_directory: str
    """Absolute; where a :class:`BranchRequest` is put."""


def is_followed(branch: str, patterns: Iterable[str]) -> bool:
    """Whether a branch is one of the declared; ``*`` in a pattern stands for anything."""
    return any(fnmatchcase(branch, pattern) for pattern in patterns)
