"""Waiting for another operation that has the environment, where nobody is there who would call again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Final

from homeport.cli.output import tell
from homeport.errors import OperationRunsError
from homeport.host.carrying import Carrier

_BETWEEN: Final = 0.5


@contextmanager
def waited_for(begin: Callable[[], AbstractContextManager[Carrier]], until: float) -> Iterator[Carrier]:
    """Begins an operation as soon as no other one has the environment.

    Args:
        begin: begins it; called again and again.
        until: when to give up, as ``time.monotonic`` tells it.

    Raises:
        OperationRunsError: another operation still has it then.
    """
    with ExitStack() as stack:
        yield _enter(stack, begin, until)


def _enter(stack: ExitStack, begin: Callable[[], AbstractContextManager[Carrier]], until: float) -> Carrier:
    told = False
    while True:
        try:
            return stack.enter_context(begin())
        except OperationRunsError as error:
            if time.monotonic() >= until:
                raise
            if not told:
                tell(f"{error.sentence} It is waited for.")
            told = True
            time.sleep(_BETWEEN)
