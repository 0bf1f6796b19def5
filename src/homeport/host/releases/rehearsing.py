"""A rehearsal: a fresh copy of the data, brought to the release's schema, and the release's server on it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from homeport.contract import DataFacts, DataUpgraded, ExitCode
from homeport.environments.environment import Environment
from homeport.environments.migrations.pending import Ran
from homeport.environments.releases.steps import RehearseRelease
from homeport.errors import HomeportError
from homeport.host.archives.tree import remove_tree
from homeport.host.backups.foreign_rehearsal import ForeignRehearsal
from homeport.host.backups.source import live_source
from homeport.host.commands import run_command
from homeport.host.data.foreign_seam import ForeignData
from homeport.host.data.own import OwnData
from homeport.host.migrations.scripts import ScriptMigrator
from homeport.host.releases.enclosed import EnclosedRunner, stop_unit
from homeport.host.releases.scripts import of_release
from homeport.host.releases.trial import Trial
from homeport.host.runner import PlainRunner, Runner

_SECONDS: Final = 6 * 3600.0


def rehearse(
    environment: Environment, step: RehearseRelease, file: Path, serving: Sequence[str], program: Sequence[str]
) -> dict[str, Any]:
    """Tries a release, where it is to be a unit in that one's sandbox; nothing live is touched, and nothing stays.

    Args:
        file: the declaration.
        environment: whose data.
        step: what is tried.
        serving: what runs the ``homeport`` of the release that serves: it knows the data as they are.
        program: the same of the one that is tried.

    Returns:
        What the migrations changed, how long all of it took, and how many questions were answered.

    Raises:
        HomeportError: the release cannot live with these data; the sentence says why.
    """
    if environment.is_foreign:
        return _rehearse_foreign(environment, step)
    scratch, began = Path(step.scratch), time.monotonic()
    clear(scratch, step.unit)
    scratch.mkdir(mode=0o700, parents=True)
    try:
        copy = scratch / "data"
        source = live_source(environment) if step.data is None else Path(step.data)
        OwnData(environment, program if step.data is not None or step.blind else serving).snapshot(source, copy)
        runner: Runner = PlainRunner()
        if step.unit:
            runner = EnclosedRunner(environment, file, step.unit, step.scratch)
            runner.give()
        upgraded = _upgrade(runner, program, copy)
        asked = Trial(environment, program, step.release, runner)(copy, Path(step.socket))
    finally:
        Path(step.socket).unlink(missing_ok=True)
        clear(scratch, step.unit)
        # What cannot be removed now is by the next operation on the data, and told by the doctor.
        with suppress(HomeportError):
            OwnData(environment, serving).tidy()
    return {
        "from_schema": upgraded["from_schema"],
        "to_schema": upgraded["to_schema"],
        "migrations": upgraded["ran"],
        "rows_changed": {table: rows for table, rows in upgraded["rows"].items() if rows},
        "migrating_seconds": upgraded["migrating_seconds"],
        "questions": asked,
        "seconds": round(time.monotonic() - began, 3),
    }


def _rehearse_foreign(environment: Environment, step: RehearseRelease) -> dict[str, Any]:
    """The same of another server: its migrations on a copy, and the server itself where ``drill_command`` says how."""
    scratch, began = Path(step.scratch), time.monotonic()
    moved, served = of_release(environment, step.release), bool(environment.backup.drill_command)
    clear(scratch)
    scratch.mkdir(mode=0o700, parents=True)
    try:
        copy = scratch / "data"
        source = live_source(environment) if step.data is None else Path(step.data)
        ForeignData(environment.name).snapshot(source, copy)
        migrator = ScriptMigrator(moved)
        standing = migrator.look(copy)
        ran = migrator.run(copy) if standing.pending else Ran((), standing.schema, standing.schema)
        if served:
            ForeignRehearsal(moved).serve(copy)
    finally:
        clear(scratch)
    return {
        "from_schema": ran.before,
        "to_schema": ran.after,
        "migrations": list(ran.ran),
        "rows_changed": dict(ran.rows),
        "migrating_seconds": ran.seconds,
        "questions": int(served),
        "seconds": round(time.monotonic() - began, 3),
    }


def clear(scratch: Path, unit: str = "") -> None:
    """Removes what a rehearsal left."""
    if unit:
        stop_unit(unit)
    if scratch.exists():
        remove_tree(scratch)


def facts_of(program: Sequence[str], directory: Path) -> DataFacts:
    """What the release of a program says of data, which may be live.

    Raises:
        HomeportError: it cannot read them.
    """
    done = run_command((*program, "data", "facts", str(directory), "--json"), seconds=_SECONDS)
    if done.code not in (ExitCode.DONE, ExitCode.FINDINGS):
        raise HomeportError(f"The release cannot read {directory}: {done.last_words}")
    facts: DataFacts = json.loads(done.output)
    return facts


def _upgrade(runner: Runner, program: Sequence[str], copy: Path) -> DataUpgraded:
    done = runner.run((*program, "data", "upgrade", str(copy), "--json"), seconds=_SECONDS)
    if done.code != 0:
        raise HomeportError(f"The release cannot bring a copy of the data to its schema: {sentence_of(done.errors)}")
    upgraded: DataUpgraded = json.loads(done.output)
    return upgraded


def sentence_of(errors: str) -> str:
    """The sentence of an error as ``--json`` has it; else the last words."""
    try:
        return str(json.loads(errors.strip().splitlines()[-1])["error"]["message"])
    except (ValueError, KeyError, TypeError, IndexError):
        return " ".join(errors.split())[-600:]
