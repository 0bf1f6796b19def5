"""Git checkouts as steps."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from homeport.environments.services.state import shown_command
from homeport.environments.services.steps import CheckOut
from homeport.environments.steps import Step
from homeport.errors import HomeportError
from homeport.host.commands import run_command
from homeport.host.hands import Hands
from homeport.host.services.git import Checkout


class CheckOuter:
    """:class:`CheckOut`."""

    def inverse(self, step: CheckOut) -> tuple[Step, ...]:
        checkout = Checkout(Path(step.directory))
        head, branch = checkout.head(), checkout.branch() if step.branch else None
        if head == step.commit and (branch or "") == step.branch:
            return ()
        return (CheckOut(step.directory, head, step.install, step.seconds, branch or ""),)

    def apply(self, step: CheckOut) -> None:
        checkout = Checkout(Path(step.directory))
        if checkout.head() != step.commit or (step.branch and checkout.branch() != step.branch):
            # Whoever moved it last may have installed something else since.
            checkout.note_installed("")
            checkout.go_to(step.commit, step.branch)
        wanted = f"{step.commit} {shown_command(step.install)}"
        if not step.install or checkout.installed() == wanted:
            return
        # What is half installed is nothing that is known.
        checkout.note_installed("")
        done = run_command(_words(checkout, step), seconds=step.seconds, directory=str(step.directory))
        if done.code != 0:
            said = f": {done.last_words}" if done.last_words else "."
            raise HomeportError(f"{shown_command(step.install)} ended with exit code {done.code}{said}")
        checkout.note_installed(wanted)


def _words(checkout: Checkout, step: CheckOut) -> tuple[str, ...]:
    """The command; a program that is named by a path lies in the checkout."""
    program, *rest = step.install
    return (str(checkout.directory / program) if "/" in program else program, *rest)


CHECKOUT_HANDS: Final[Hands] = {CheckOut: CheckOuter()}
