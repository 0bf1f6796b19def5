"""Homeport's own data, reached through the release's own program: it alone knows its schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from homeport.contract import APPLICATION, DataFacts, DataLoss, ExitCode, Scrub, SnapshotTaken
from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.host.commands import run_command
from homeport.host.data.seam import DataDescription

_SECONDS: Final = 6 * 3600.0
"""For one copy or one look: a disk that needs longer is broken."""


class OwnData:
    """The seam over Homeport's own store.

    Args:
        environment: whose data.
        program: what runs the release's ``homeport``, with the declaration's ``--config``.
    """

    def __init__(self, environment: Environment, program: Sequence[str]) -> None:
        self._environment = environment
        self._program = tuple(program)

    def snapshot(self, source: Path, into: Path) -> DataDescription:
        taken: SnapshotTaken = self._ask("snapshot", self._environment.name, str(into), "--data", str(source))
        return _described(taken["facts"], tuple(f"{path} is no regular file; left out" for path in taken["left_out"]))

    def examine(self, directory: Path, *, deep: bool = True) -> DataDescription:
        depth = ("--deep",) if deep else ()
        return _described(self._ask("facts", str(directory), *depth, allowed=(ExitCode.FINDINGS,)))

    def lost_after(self, source: Path, description: DataDescription) -> DataLoss | None:
        if description.position is None:
            return None
        words = ["lost", self._environment.name, "--position", str(description.position), "--data", str(source)]
        if description.position_at is not None:
            words += ["--position-at", description.position_at]
        if description.identity is not None:
            words += ["--identity", description.identity]
        loss: DataLoss = self._ask(*words)
        return loss

    def announce(self, subject: str, body: str) -> None:
        """Sends a message from the environment itself to everybody.

        Raises:
            HomeportError: it cannot be stored.
        """
        self._ask("announce", self._environment.name, "--subject", subject, "--body", body)

    def prepare(self, directory: Path, origin: str, scrub: Scrub) -> None:
        name = self._environment.name
        self._ask("prepare", str(directory), "--environment", name, "--origin", origin, "--scrub", scrub)

    def _ask(self, *words: str, allowed: Sequence[ExitCode] = ()) -> Any:  # noqa: ANN401 - each answer has its type
        """Runs one ``homeport data`` command.

        Raises:
            HomeportError: it refused, in its own words.
        """
        done = run_command((*self._program, "data", *words, "--json"), seconds=_SECONDS)
        if done.code not in (ExitCode.DONE, *allowed):
            raise HomeportError(*_refusal(done.errors, done.code))
        try:
            return json.loads(done.output)
        except ValueError:
            raise HomeportError(f"homeport data {words[0]} answered what is no JSON: {done.last_words}") from None


def _refusal(errors: str, code: int) -> tuple[str, str]:
    """The sentence and the hint of another program's error."""
    for line in reversed(errors.splitlines()):
        try:
            error = json.loads(line)["error"]
            return str(error["message"]), str(error.get("hint", ""))
        except (ValueError, KeyError, TypeError):
            continue
    return f"homeport data ended with exit code {code}: {' '.join(errors.split())[-400:]}", ""


def _described(facts: DataFacts, oddities: tuple[str, ...] = ()) -> DataDescription:
    return DataDescription(
        application="homeport" if facts["application"] in (APPLICATION, None) else "foreign",
        identity=facts["identity"],
        schema_version=facts["schema_version"],
        counts=facts["counts"],
        position=facts["position"],
        position_at=facts["position_at"],
        oddities=oddities,
        problems=tuple(problem["text"] for problem in facts["problems"]),
        too_new=any(problem["code"] == "newer_schema" for problem in facts["problems"]),
        pending=tuple(facts["pending_migrations"]),
    )
