"""What carries steps out: for each kind of step one hand, which knows how to do it and how to take it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from homeport.environments.steps import Step


class Hand(Protocol):
    """Carries out one kind of step.

    Both methods are told steps of the kind that the hand is registered for.
    """

    def inverse(self, step: Any) -> tuple[Step, ...]:  # noqa: ANN401 - each hand names its own kind of step
        """What takes the step back, given how things are now; in the order in which it is to be done.

        It is asked before the step is carried out, writes nothing that outlives a failure, and answers nothing
        where the step would change nothing.

        Raises:
            HomeportError: the step cannot be carried out as things are; nothing was changed.
        """

    def apply(self, step: Any) -> Mapping[str, Any] | None:  # noqa: ANN401
        """Carries the step out, or finds that it is so already.

        Returns:
            What is worth remembering of it, as JSON values without secrets; most steps have nothing to say.

        Raises:
            HomeportError: it failed; what it began is covered by its inverse.
            OSError: as HomeportError, in the system's words.
        """


Hands = Mapping[type[Step], Hand]
