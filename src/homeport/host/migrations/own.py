"""Migrations of Homeport's own data, by the release's own program: it alone knows its schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from homeport.contract import DataFacts, DataUpgraded, DataVerified, ExitCode
from homeport.environments.migrations.pending import Finding, Ran, Standing
from homeport.host.data.asking import ask_program


class OwnMigrator:
    """See :class:`~homeport.host.migrations.port.Migrator`.

    Args:
        program: what runs the release's ``homeport``, with the declaration's ``--config``.
    """

    def __init__(self, program: Sequence[str]) -> None:
        self._program = tuple(program)

    def look(self, directory: Path) -> Standing:
        facts: DataFacts = ask_program(self._program, "facts", str(directory), allowed=(ExitCode.FINDINGS,))
        codes = {problem["code"] for problem in facts["problems"]}
        return Standing(
            schema=facts["schema_version"],
            pending=tuple(facts["pending_migrations"]),
            # Earlier releases do not say.
            previous_can_run=facts.get("previous_release_can_run", not facts["pending_migrations"]),
            newer="newer_schema" in codes,
            problems=tuple(problem["text"] for problem in facts["problems"]),
        )

    def run(self, copy: Path) -> Ran:
        done: DataUpgraded = ask_program(self._program, "upgrade", str(copy), ends_with_us=True)
        return Ran(
            ran=tuple(done["ran"]),
            before=done["from_schema"],
            after=done["to_schema"],
            rows={table: rows for table, rows in done["rows"].items() if rows},
            seconds=done["migrating_seconds"],
        )

    def verify(self, directory: Path) -> list[Finding]:
        found: DataVerified = ask_program(self._program, "verify", str(directory), allowed=(ExitCode.FINDINGS,))
        return [Finding(one["migration"], one["text"]) for one in found["findings"]]
