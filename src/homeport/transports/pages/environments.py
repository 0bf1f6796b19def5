"""Environments: all side by side, and each by itself, as they were last seen; nothing is done to them here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from homeport.contract.survey import EnvironmentSeen
from homeport.errors import NotFoundError
from homeport.transports.pages.charts import calendar, growth, traffic
from homeport.transports.pages.ground import Ground
from homeport.transports.pages.view import Answer, Page, View, Visitor

STALE_SECONDS: Final = 60 * 60
"""What was seen longer ago says so loudly: the doctor's timer runs more often."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that two environments have otherwise; ``values`` are by environment."""

    name: str
    values: tuple[str, ...]


class Environments:
    """The pages of environments.

    Args:
        ground: what they stand on.
    """

    def __init__(self, ground: Ground) -> None:
        self._about = ground.about
        self._metrics = ground.metrics
        self._schema = ground.dispatcher.store.schema_version

    def views(self) -> tuple[View, ...]:
        """All of them."""
        return View("GET", "/environments", self.all), View("GET", "/environments/{name}", self.one)

    async def all(self, visitor: Visitor) -> Answer:
        """All side by side, and what they have otherwise."""
        found, problem = await visitor.surveyed()
        context = {
            **await self._own(),
            "survey": found,
            "problem": problem,
            "is_stale": found is not None and visitor.now / 1000 - _moment(found.at) > STALE_SECONDS,
            "differences": differences(found.environments) if found else [],
            "releases": _side_by_side(found.environments) if found else [],
        }
        return Page("environments.html", "Environments", context)

    async def one(self, visitor: Visitor) -> Answer:
        """One of them, with everything that is known of it."""
        name = visitor.path["name"]
        found, problem = await visitor.surveyed()
        seen = next((one for one in found.environments if one.name == name), None) if found else None
        if seen is None and name != self._about.environment:
            raise NotFoundError(f"Nothing is known of an environment {name!r}.", "homeport doctor --alarm looks anew.")
        today = datetime.fromtimestamp(visitor.now / 1000, UTC).date()
        context: dict[str, Any] = {
            **await self._own(),
            "name": name,
            "survey": found,
            "problem": problem,
            "seen": seen,
            "is_own": name == self._about.environment,
            "is_stale": found is not None and visitor.now / 1000 - _moment(found.at) > STALE_SECONDS,
            "weeks": calendar(seen.backups, today) if seen else [],
            "growth": growth(seen.backups, seen.data_bytes, found.at) if seen and found else None,
        }
        return Page("environment.html", name, context)

    async def _own(self) -> dict[str, Any]:
        """What this server knows of itself, now."""
        metrics, about = self._metrics, self._about
        now = metrics.monotonic()
        proof = about.backups()
        return {
            "own": {
                "environment": about.environment,
                "version": about.version,
                "release": about.release,
                "schema": self._schema,
                "uptime": now - metrics.began,
                "bytes": await about.database_bytes(),
                "last_backup": proof.last_backup,
                "last_drill": proof.last_drill,
                "proven": proof.proven,
                "problem": proof.problem,
            },
            "traffic": traffic(metrics.minutes, now, metrics.began),
        }


def differences(environments: Sequence[EnvironmentSeen]) -> list[Difference]:
    """The settings that not all environments have the same."""
    names = dict.fromkeys(name for one in environments for name in one.settings)
    rows = [Difference(name, tuple(one.settings.get(name, "unknown") for one in environments)) for name in names]
    return [row for row in rows if len(set(row.values)) > 1]


def _side_by_side(environments: Sequence[EnvironmentSeen]) -> list[Difference]:
    """What runs where: the same rows for all, whether they differ or not."""
    rows = (
        ("Version", [one.version for one in environments]),
        ("Commit", [one.commit[:12] if one.commit else None for one in environments]),
        ("Schema", [one.schema for one in environments]),
    )
    return [Difference(name, tuple(value or "unknown" for value in values)) for name, values in rows]


def _moment(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
