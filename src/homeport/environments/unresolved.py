"""Operations that came to no good end: left open, stuck, or settled as they stood; and what is to be done then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

Standing = Literal["open", "stuck", "settled"]
"""``open``: a run was killed, and nobody has tried to bring it to its end yet. ``stuck``: that was tried, and failed.
``settled``: a person has ended it as things were, and nothing has put the environment right since."""

RENEWING: Final = frozenset({"deploy", "rollback", "restore", "sync", "migrate"})
"""Operations after which release and data are known: they prove both before they are done."""
DATA_EXCHANGING: Final = RENEWING | {"adopt", "adopt --put-back", "data move"}
"""Operations that have other data take the place of those that are there: in between there may be none."""
_STARTING: Final = frozenset({"start", "restart"})
_SPELT: Final = {"unprovision": "provision --unprovision", "push": "restart", "poll": "restart", "webhook": "restart"}
"""Operations whose command has another name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """One such operation.

    Attributes:
        id: in the journal.
        operation: the command's name.
        environment: whose.
        standing: see :data:`Standing`.
        begun_at: RFC 3339.
        sentence: why it is stuck, or was settled.
        hint: what a person can do, where it is stuck.
        attempts: to bring it to its end, that failed.
        last_at: RFC 3339, when the last attempt was, or when it was settled; empty where neither was.
        by: who settled it.
        backup: the id of the backup that it made first; empty where it made none.
    """

    id: str
    operation: str
    environment: str
    standing: Standing
    begun_at: str
    sentence: str = ""
    hint: str = ""
    attempts: int = 0
    last_at: str = ""
    by: str = ""
    backup: str = ""

    def __str__(self) -> str:
        what = f"{self.operation} ({self.id})"
        match self.standing:
            case "open":
                return f"{what} was left open by a run that was killed: the next command finishes or undoes it."
            case "stuck":
                return f"{what} is stuck and needs a person: homeport log {self.environment} {self.id} says more."
            case "settled":
                return f"{what} was settled by {self.by}, and nothing has put things right since: {self.sentence}"

    @property
    def mend(self) -> str:
        """The command that is next."""
        name = self.environment
        if self.standing == "open":
            return f"homeport settle {name}"
        if self.standing == "stuck":
            return self.hint or f"homeport settle {name}"
        if self.operation in RENEWING:
            return f"homeport restore {name} {self.backup or 'latest'}; or deploy, rollback, whichever is right"
        return f"homeport {_SPELT.get(self.operation, self.operation)} {name}"

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "operation": self.operation,
            "standing": self.standing,
            "begun_at": self.begun_at,
            "sentence": self.sentence,
            "attempts": self.attempts,
            "last_at": self.last_at or None,
            "by": self.by or None,
            "mend": self.mend,
        }


def is_made_good(settled: str, later: Iterable[str]) -> bool:
    """Whether operations that were done after one that was settled have put right what it left.

    Args:
        settled: the name of the one.
        later: the names of the others.
    """
    enough = RENEWING | {settled} | (frozenset() if settled in RENEWING else _STARTING)
    return any(name in enough for name in later)
