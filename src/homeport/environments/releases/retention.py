"""Which releases are kept, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from homeport.environments.releases.release import Release

FAILED_KEPT = 2
"""Releases that never came up which stay, as evidence."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one release."""

    id: str
    reasons: tuple[str, ...]
    """Why it is kept; empty where it goes."""

    @property
    def kept(self) -> bool:
        """Whether it stays."""
        return bool(self.reasons)


def judge_releases(
    releases: Iterable[Release], *, keep: int, current: str | None, needed: Collection[str] = ()
) -> list[Verdict]:
    """Says for each release whether it stays and why, the newest first.

    Args:
        releases: all that are there, in any order.
        keep: how many good ones stay; those that were never good push none of them out.
        current: the id of the one that serves; None where none does.
        needed: ids of those whose data a kept backup holds.
    """
    newest_first = sorted(releases, key=lambda one: (one.served or "", one.id), reverse=True)
    reasons: dict[str, list[str]] = {one.id: [] for one in newest_first}
    good = [one for one in newest_first if one.state == "good"]
    for one in good[:keep]:
        reasons[one.id].append(f"one of the last {keep} good ones")
    for one in newest_first:
        if one.id == current:
            reasons[one.id].append("it serves")
        if one.id in needed:
            reasons[one.id].append("a kept backup was made under it")
    others = sorted((one for one in newest_first if one.state != "good"), key=lambda one: one.id, reverse=True)
    for one in others[:FAILED_KEPT]:
        reasons[one.id].append("not good, kept as evidence")
    return [Verdict(one.id, tuple(reasons[one.id])) for one in newest_first]
