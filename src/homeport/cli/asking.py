"""Asks before something is changed; without a terminal nothing asks."""

from __future__ import annotations

import sys

from homeport.cli.output import tell
from homeport.errors import GuardError
from homeport.host.journal import Confirmed


def confirm(question: str, *, yes: bool) -> Confirmed:
    """Goes on where the person agrees, or has agreed already; answers which, for the journal.

    Args:
        question: what is about to be done, without a question mark.
        yes: whether ``--yes`` was given.

    Raises:
        GuardError: the person does not agree, or there is nobody to ask.
    """
    if yes:
        return "yes"
    if not sys.stdin.isatty():
        raise GuardError(f"{question}: nobody is here to be asked.", "--yes goes on without asking.")
    sys.stderr.write(f"{question}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        tell("")
        raise GuardError("Not confirmed; nothing was changed.")
    return "asked"
