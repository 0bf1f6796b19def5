"""Carries out the plan of a workspace."""

from __future__ import annotations

from pathlib import Path

from homeport.environments.steps import MakeDirectory
from homeport.environments.workspace import WorkspacePlan
from homeport.errors import HomeportError
from homeport.files import write_atomically


def make_workspace(plan: WorkspacePlan) -> None:
    """Makes what is missing. What stands already stays as it is, so that it can be run again.

    Raises:
        HomeportError: a step failed; the sentence says which. Those before it are done and harmless.
    """
    for step in plan.steps:
        try:
            if isinstance(step, MakeDirectory):
                Path(step.path).mkdir(parents=True, exist_ok=True, mode=step.mode)
            else:
                write_atomically(Path(step.path), step.text)
        except OSError as error:
            raise HomeportError(
                f"Could not {step}: {error.strerror}.", "Mend that and run it again: it goes on where it stopped."
            ) from error
