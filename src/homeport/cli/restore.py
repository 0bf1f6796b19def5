"""``homeport restore ENV BACKUP``."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from homeport.cli.asking import confirm
from homeport.cli.changing_data import changing_data
from homeport.cli.declared import declaration_of
from homeport.cli.output import print_json, say, tell
from homeport.cli.progress import ProgressLine
from homeport.cli.restore_choice import chosen, look_at_point, point_aside, shown_as
from homeport.cli.showing import plan_lines
from homeport.cli.surroundings import identities_of, surroundings_of
from homeport.contract import ExitCode
from homeport.contract.database import Keeping
from homeport.contract.losses import DataLoss
from homeport.environments.backups.losses import loss_lines
from homeport.environments.backups.plans import Target, kept_as, plan_restore
from homeport.environments.backups.replication import Point
from homeport.environments.declaration import Declaration
from homeport.environments.plan import Plan
from homeport.errors import HomeportError, UsageError
from homeport.host.archives.extracting import extract, remove_unpacked_leftovers
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.target import bytes_below, demand_room, look_at_target
from homeport.host.backups.unpacking import found_archive, keeping_of, read_record
from homeport.host.carrying import Carrier
from homeport.host.data.seam import DataDescription
from homeport.host.services.choosing import manager_for


@dataclass(frozen=True, slots=True)
class _Intent:
    """What is about to be done, as the person is asked."""

    plan: Plan
    target: Target
    restored: str | Point
    loss: DataLoss | None
    safety: str

    @property
    def name(self) -> str:
        """What is restored, in words."""
        return self.restored if isinstance(self.restored, str) else f"the replica as of {self.restored.at.isoformat()}"


def run(arguments: Namespace) -> int:
    """Says what would be lost, asks, and restores.

    Raises:
        GuardError: nobody agreed, or something forbids it; nothing was changed.
        HomeportError: it failed, and everything is as it was.
        NeedsPersonError: it failed and could not be undone.
    """
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    progress = ProgressLine()
    around = surroundings_of(declaration, environment, None if arguments.json else progress)
    identities = identities_of(environment, arguments.identity)
    try:
        if arguments.to is not None:
            return _restore_aside(around, arguments)
        with changing_data(declaration, environment, around, identities, across="restore") as carrier:
            return _restore(declaration, around, carrier, arguments)
    finally:
        progress.close()


def _restore(declaration: Declaration, around: Surroundings, carrier: Carrier, arguments: Namespace) -> ExitCode:
    intent = _intent(declaration, around, arguments)
    if arguments.dry_run:
        _show(intent, arguments)
        return ExitCode.DONE
    if not arguments.json:
        for line in _lines(around, intent):
            tell(line)
    agreed = confirm(f"Restore {intent.name} into {around.environment.name}", yes=arguments.yes)
    carried = carrier.carry_out(intent.plan, agreed)
    _report(around, intent, carried.operation, arguments)
    return ExitCode.DONE


def _intent(declaration: Declaration, around: Surroundings, arguments: Namespace) -> _Intent:
    restored = chosen(around, arguments)
    safety = around.shelf.new_id(datetime.now(UTC))
    target = look_at_target(around, manager_for(around.environment, PurePosixPath(declaration.file)), safety)
    if isinstance(restored, Point):
        held: DataDescription | None = look_at_point(around, restored, Path(target.data.parent))
        keeping: Keeping | None = None
    else:
        held = _held(around, restored, arguments, target)
        keeping = keeping_of(around, restored, arguments.place)
    if target.holds:
        demand_room(around.shelf.directory, bytes_below(Path(target.data)), what="a safety backup")
    plan = plan_restore(target, restored, safety, arguments.place, keeping)
    return _Intent(plan, target, restored, _loss(around, target, held), safety)


def _held(around: Surroundings, backup: str, arguments: Namespace, target: Target) -> DataDescription | None:
    """What a backup says that it holds; None where nothing is known of it.

    Raises:
        UsageError: it is sealed, and there is no key.
    """
    record = read_record(around, backup, arguments.place)
    sealed = record is not None and record.archive is not None and record.archive.sealed
    if sealed and not identities_of(around.environment, arguments.identity):
        raise UsageError(
            f"{backup} is sealed, and no key was given: nothing was changed.",
            "--identity FILE, HOMEPORT_AGE_IDENTITY=FILE, or identity in the declaration.",
        )
    if record is None or record.summary is None:
        return None
    held = record.summary
    demand_room(Path(target.data.parent), held.bytes, what=f"the backup {backup}")
    return DataDescription(
        held.application, held.identity, held.schema_version, held.counts, held.position, taken=record.created
    )


def _loss(around: Surroundings, target: Target, held: DataDescription | None) -> DataLoss | None:
    """What the live data hold that is not in what is restored; None where that cannot be counted."""
    if held is None or not target.holds:
        return None
    try:
        return around.seam.lost_after(Path(target.data), held)
    except HomeportError:
        return None


def _lines(around: Surroundings, intent: _Intent) -> list[str]:
    if intent.loss is not None:
        return loss_lines(intent.loss)
    if not intent.target.holds:
        return [f"{around.environment.name} has no data now; nothing would be lost."]
    if intent.target.sound:
        return ["What would be lost cannot be counted; all that is newer than the backup goes."]
    return ["The data that are there are damaged: what would be lost cannot be counted. They are saved file by file."]


def _show(intent: _Intent, arguments: Namespace) -> None:
    if arguments.json:
        print_json({"dry_run": True, **shown_as(intent.restored), "loss": intent.loss, **intent.plan.as_json()})
        return
    for line in (*([] if intent.loss is None else loss_lines(intent.loss)), *plan_lines(intent.plan)):
        say(line)


def _report(around: Surroundings, intent: _Intent, operation: str, arguments: Namespace) -> None:
    target = intent.target
    kept = target.beside(kept_as("restore")) if target.exists else None
    safety = intent.safety if target.holds else None
    if arguments.json:
        print_json(
            {
                "environment": around.environment.name,
                "restored": shown_as(intent.restored)["backup"],
                "replica": shown_as(intent.restored)["replica"],
                "operation": operation,
                "safety_backup": safety,
                "kept": str(kept) if kept else None,
                "started": target.running,
                "loss": intent.loss,
            }
        )
        return
    runs = "its server runs on it, and is healthy" if target.running else "its server did not run, and was not started"
    say(f"{around.environment.name} holds {intent.name} now; {runs}.")
    if safety is not None:
        say(f"What was there is the backup {safety}.")
    if kept is not None:
        say(f"The old data lie in {kept}; they stay until you remove them.")


def _restore_aside(around: Surroundings, arguments: Namespace) -> ExitCode:
    """Unpacks into a directory of the person's, and touches nothing else."""
    into = Path(os.path.abspath(arguments.to))  # noqa: PTH100 - a link in it is the person's wish
    backup = chosen(around, arguments)
    identities = identities_of(around.environment, arguments.identity)
    if arguments.dry_run:
        say(f"would unpack {shown_as(backup)['name']} into {into}")
        return ExitCode.DONE
    if into.is_dir() and not any(into.iterdir()):
        into.rmdir()
    if isinstance(backup, Point):
        return point_aside(around, backup, into, as_json=arguments.json)
    remove_unpacked_leftovers(into)
    with found_archive(around, backup, into.parent, arguments.place) as (archive, record):
        manifest = extract(archive, into, record, identities, around.told("unpacking"))
    found = around.seam.examine(into)
    if arguments.json:
        print_json({"backup": backup, "to": str(into), "files": len(manifest.files), "problems": list(found.problems)})
    else:
        say(f"{backup} is unpacked in {into}: {len(manifest.files)} files, {manifest.total_bytes} bytes.")
        for problem in found.problems:
            say(f"  {problem}")
    return ExitCode.FINDINGS if found.problems else ExitCode.DONE
