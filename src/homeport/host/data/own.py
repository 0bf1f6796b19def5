"""Homeport's own data, reached through the release's own program: it alone knows its schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from homeport.contract import APPLICATION, DATABASE_FILE, DataFacts, ExitCode, Scrub, SnapshotTaken
from homeport.contract.database import DUMP_FILE
from homeport.contract.losses import DataLoss
from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.host.data.asking import ask_program
from homeport.host.data.seam import DataDescription


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
        left_out = tuple(taken["left_out"])
        oddities = tuple(f"{path} is no regular file; left out" for path in left_out)
        return _described(taken["facts"], oddities, left_out)

    def examine(self, directory: Path, *, deep: bool = True) -> DataDescription:
        depth = ("--deep",) if deep else ()
        return _described(self._ask("facts", str(directory), *depth, allowed=(ExitCode.FINDINGS,)))

    def ready(self, directory: Path) -> DataDescription:
        in_database = self._environment.database is not None
        other = DATABASE_FILE if in_database else DUMP_FILE
        if (directory / other).exists():
            words: tuple[str, ...] = ("load", str(directory), "--into", self._environment.name)
        elif in_database:
            words = ("load", str(directory))
        else:
            return self.examine(directory)
        return _described(self._ask(*words, allowed=(ExitCode.FINDINGS,), ends_with_us=True))

    def tidy(self) -> None:
        if self._environment.database is not None:
            self._ask("sweep", self._environment.name)

    def lost_after(self, source: Path, description: DataDescription) -> DataLoss | None:
        if description.position is None:
            return None
        words = ["lost", self._environment.name, "--position", str(description.position), "--data", str(source)]
        if description.position_at is not None:
            words += ["--position-at", description.position_at]
        if description.identity is not None:
            words += ["--identity", description.identity]
        if description.taken is not None:
            words += ["--taken", description.taken, "--webhooks", str(description.counts.get("webhooks", 0))]
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
        # What is in a file, and stays in one, was looked at when it was prepared.
        is_ready = self._environment.database is None and not (directory / DUMP_FILE).exists()
        problems = () if is_ready else self.ready(directory).problems
        if problems:
            raise HomeportError(f"What became data of {name} is not sound: {problems[0]}")

    def _ask(self, *words: str, allowed: Sequence[ExitCode] = (), ends_with_us: bool = False) -> Any:  # noqa: ANN401
        return ask_program(self._program, *words, allowed=allowed, ends_with_us=ends_with_us)


def _described(facts: DataFacts, oddities: tuple[str, ...] = (), left_out: tuple[str, ...] = ()) -> DataDescription:
    return DataDescription(
        application="homeport" if facts["application"] in (APPLICATION, None) else "foreign",
        identity=facts["identity"],
        schema_version=facts["schema_version"],
        counts=facts["counts"],
        position=facts["position"],
        position_at=facts["position_at"],
        oddities=oddities,
        left_out=left_out,
        problems=tuple(problem["text"] for problem in facts["problems"]),
        too_new=any(problem["code"] == "newer_schema" for problem in facts["problems"]),
        pending=tuple(facts["pending_migrations"]),
    )
