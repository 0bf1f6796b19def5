"""Commands that have several actions."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from homeport.contract import ExitCode

Action = Callable[[Namespace], ExitCode]


def acting(**actions: Action) -> Action:
    """What runs the action that was asked for.

    Args:
        actions: by their names in ``arguments.action``.
    """
    return lambda arguments: actions[arguments.action](arguments)
