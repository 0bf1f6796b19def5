"""A command that is waited for only until something holds."""

from __future__ import annotations

import sys
import time

import pytest

from homeport.errors import HomeportError
from homeport.host.commands import Finished, run_until

_FOREVER = (sys.executable, "-c", "import time; time.sleep(600)")


def test_one_that_ends_before_is_told_as_it_ended() -> None:
    words = (sys.executable, "-c", "import sys; print('out'); sys.exit('wrong')")
    assert run_until(words, lambda: False, seconds=60) == Finished(1, "out\n", "wrong\n")


def test_it_is_waited_for_no_longer_than_until_that_holds() -> None:
    asked = iter((False, True))
    began = time.monotonic()
    assert run_until(_FOREVER, lambda: next(asked), seconds=60) is None
    assert time.monotonic() - began < 30


def test_one_that_takes_too_long_and_one_that_is_not_there_are_told() -> None:
    with pytest.raises(HomeportError, match="did not end within 0 seconds"):
        run_until(_FOREVER, lambda: False, seconds=0.1)
    with pytest.raises(HomeportError, match="/nonexistent/systemctl cannot be run: No such file"):
        run_until(("/nonexistent/systemctl",), lambda: False, seconds=1)
