"""Asks before something is changed; without a terminal nothing asks."""

from __future__ import annotations

import sys

from homeport.cli.output import tell
from homeport.errors import GuardError


def confirm(question: str, *, yes: bool) -> None:
    """Goes on where the person agrees, or has agreed already.

    Args:
        question: what is about to be done, without a question mark.
        yes: whether ``--yes`` was given.

    Raises:
        GuardError: the person does not agree, or there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise GuardError(f"{question}: nobody is here to be asked.", "--yes goes on without asking.")
    sys.stderr.write(f"{question}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        tell("")
        raise GuardError("Not confirmed; nothing was changed.")
