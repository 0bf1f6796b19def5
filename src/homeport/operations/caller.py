"""Who calls: what a caller may do, and as whom it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from homeport.errors import ForbiddenError
from homeport.operations.operation import Operation

Scope = Literal["read", "write", "admin"]
_ORDER: Final = ("read", "write", "admin")


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller that was recognised, or anybody where an environment is open.

    Attributes:
        name: for the log.
        scope: the most that it may do; each includes the ones before it.
        instance_id: the one instance it speaks as, or None where it may speak as any.
        id: what its rate limit and its idempotency keys are kept under; empty for anybody.
    """

    name: str
    scope: Scope
    instance_id: str | None = None
    id: str = ""

    @property
    def owner(self) -> str:
        """Whose its idempotency keys are: an instance's, also after it got another token, or else this caller's."""
        return self.id if self.instance_id is None else f"instance:{self.instance_id}"

    def may(self, scope: Scope) -> bool:
        """Whether its scope includes this one."""
        return _ORDER.index(self.scope) >= _ORDER.index(scope)

    def arguments(self, operation: Operation, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments of a call in this caller's name: its own id where the operation asks who acts.

        Raises:
            ForbiddenError: its scope does not reach, or it speaks as somebody else.
        """
        if not self.may(operation.scope):
            raise ForbiddenError(
                f"{operation.name} needs a token of scope {operation.scope}; this one has {self.scope}.",
                "Ask for another token: homeport token create.",
            )
        if self.instance_id is None or operation.actor is None:
            return given
        names = operation.actor_names
        said = next((given[name] for name in names if given.get(name) is not None), None)
        if said is None:
            return {**given, names[0]: self.instance_id}
        if said != self.instance_id:
            raise ForbiddenError(
                f"{names[0]}: this token speaks as {self.instance_id}, not as {said}.", f"Leave {names[0]} out."
            )
        return given


ANYBODY: Final = Caller("anybody", "admin")
"""Every caller of an open environment."""
