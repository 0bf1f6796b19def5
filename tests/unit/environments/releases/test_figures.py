"""When a release does worse than the one before."""

from __future__ import annotations

from typing import Any

import pytest

from homeport.environments.releases.figures import Figures, find_worse

MIB = 1 << 20
USUAL = Figures(health_seconds=0.002, memory=80 * MIB, answered=10_000, failed=2, seconds=20.0)


def now(**given: Any) -> Figures:
    usual: dict[str, Any] = {"health_seconds": 0.003, "memory": 90 * MIB, "answered": 400, "seconds": 1.0}
    return Figures(**{**usual, **given})


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (now(failed=40), "40 of 400 requests failed (10%; 0% before)"),
        (now(health_seconds=1.4), "it takes 1.4 s to say how it is"),
        (now(seconds=600.0), "a request takes 1.5 s"),
        (now(memory=700 * MIB), "it takes 700 MiB of memory (80 before)"),
    ],
)
def test_a_release_that_does_much_worse_is_told_in_figures(seen: Figures, cause: str) -> None:
    worse = find_worse(USUAL, seen)
    assert worse is not None
    assert worse.startswith(cause)


@pytest.mark.parametrize(
    "seen",
    [
        now(),
        now(failed=3),
        now(answered=4, failed=4, seconds=40.0),
        now(health_seconds=0.9),
        now(memory=300 * MIB),
        Figures(health_seconds=0.1),
    ],
)
def test_what_a_busy_machine_may_explain_is_no_reason_to_go_back(seen: Figures) -> None:
    assert find_worse(USUAL, seen) is None


def test_one_that_was_slow_and_hungry_before_may_stay_so() -> None:
    before = Figures(health_seconds=2.0, memory=900 * MIB, answered=100, failed=50, seconds=300.0)
    after = Figures(health_seconds=2.5, memory=1000 * MIB, answered=100, failed=60, seconds=350.0)
    assert find_worse(before, after) is None
