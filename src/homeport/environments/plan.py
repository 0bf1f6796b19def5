"""A plan: what an operation is about to do, as a value.

``--dry-run`` prints the very plan that would be carried out, since it is the same value. What is carried out is
written down before it happens (:mod:`homeport.host.journal`), so that the next run can finish or undo it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeport.environments.steps import Step, read_step
from homeport.errors import NeedsPersonError


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order, and how many of them can be taken back.

    A run that fails or is killed before ``commits_after`` steps are done is undone, last step first; from there on it
    is finished instead. None: only a run that did every step stays.
    """

    operation: str
    """The command's name: ``provision``, ``backup create``."""
    environment: str
    """What it changes."""
    steps: tuple[Step, ...]
    commits_after: int | None = None

    def __post_init__(self) -> None:
        if self.commits_after is not None and not 0 <= self.commits_after <= len(self.steps):
            raise ValueError(f"commits_after {self.commits_after} is not within {len(self.steps)} steps")
        for number, step in enumerate(self.steps):
            if not step.reversible and not self.commits(number):
                raise ValueError(f"step {number} ({step}) cannot be taken back, and the plan may still have to be")

    def commits(self, done: int) -> bool:
        """Whether a run of which so many steps are done is to be finished."""
        return self.commits_after is not None and done >= self.commits_after

    def as_json(self) -> dict[str, Any]:
        """For the journal and for ``--dry-run --json``."""
        return {
            "operation": self.operation,
            "environment": self.environment,
            "commits_after": self.commits_after,
            "steps": [step.as_json() for step in self.steps],
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Plan:
        """What :meth:`as_json` wrote.

        Raises:
            NeedsPersonError: it has a step that this version does not know, or would not plan so.
        """
        steps = tuple(read_step(step) for step in written["steps"])
        try:
            return cls(str(written["operation"]), str(written["environment"]), steps, written["commits_after"])
        except ValueError as error:
            raise NeedsPersonError(
                f"The journal has a plan that this version of Homeport does not carry out: {error}.",
                "Run the version that began it (homeport log names it); it finishes or undoes what it began.",
            ) from None
