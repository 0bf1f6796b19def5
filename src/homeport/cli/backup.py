"""``homeport backup create``, ``list``, ``show``, ``verify`` and ``prune``."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from homeport.cli.declared import declaration_of
from homeport.cli.hands import hands_of, operating
from homeport.cli.monitoring import told_to_monitoring
from homeport.cli.output import print_json, say, table, tell
from homeport.cli.progress import ProgressLine
from homeport.cli.surroundings import identities_of, surroundings_of
from homeport.cli.waiting import waited_for
from homeport.contract import ExitCode
from homeport.environments.backups.manifest import ManifestError
from homeport.environments.backups.record import Record
from homeport.environments.backups.steps import MakeBackup
from homeport.environments.plan import Plan
from homeport.environments.words import size
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.pruning import plan_pruning, prune, reasons_of
from homeport.host.backups.verifying import verify_backup
from homeport.host.carrying import Carrier

Operate = Callable[[], AbstractContextManager[Carrier]]
"""Begins an operation on the environment."""


def run(arguments: Namespace) -> int:
    """Runs the action that was asked for."""
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    progress = ProgressLine()
    around = surroundings_of(declaration, environment, None if arguments.json else progress)
    for directory in (environment.backups_directory, environment.journal_directory):
        Path(directory).mkdir(parents=True, exist_ok=True, mode=0o700)
    actions: dict[str, Callable[[Surroundings, Operate, Namespace], ExitCode]] = {
        "create": _create,
        "list": _list,
        "show": _show,
        "verify": _verify,
        "prune": _prune,
    }
    action = actions[arguments.action]

    def operate() -> AbstractContextManager[Carrier]:
        again = getattr(arguments, "origin", "command") != "schedule"
        hands = hands_of(declaration, environment, around)
        until = time.monotonic() + getattr(arguments, "wait", 0.0)
        return waited_for(lambda: operating(declaration, environment, hands, again=again), until)

    try:
        if arguments.action in ("list", "show") or getattr(arguments, "dry_run", False):
            return action(around, operate, arguments)
        with told_to_monitoring(environment):
            return action(around, operate, arguments)
    finally:
        progress.close()


def _create(around: Surroundings, operate: Operate, arguments: Namespace) -> ExitCode:
    name = around.environment.name
    backup = around.shelf.new_id(datetime.now(UTC))
    plan = Plan("backup create", name, (MakeBackup(name, backup, arguments.origin),))
    if arguments.dry_run:
        _print_plan(plan, arguments)
        return ExitCode.DONE
    with operate() as carrier:
        carrier.carry_out(plan)
        # By the clock nobody looks after the rules; by hand a person decides when something goes.
        left = prune(around, plan_pruning(around)) if arguments.origin == "schedule" else []
    for text in left:
        tell(f"homeport: not removed: {text}")
    record = around.shelf.find(backup)
    if arguments.json:
        print_json(asdict(record))
    else:
        archive = around.shelf.archive(record)
        say(f"{backup}: {archive} ({_size(record)}), read back" + _elsewhere(record))
    failed = [copy for copy in record.copies if copy.state == "failed"]
    for copy in failed:
        tell(f"homeport: {copy.place}: {copy.reason}")
    return ExitCode.FINDINGS if failed else ExitCode.DONE


def _elsewhere(record: Record) -> str:
    places = [copy.place for copy in record.copies if copy.state == "good"]
    return f", also from {', '.join(places)}" if places else ""


def _list(around: Surroundings, operate: Operate, arguments: Namespace) -> ExitCode:
    del operate
    records, faults = around.shelf.readable_records()
    records.reverse()
    if arguments.json:
        print_json({"backups": [asdict(one) for one in records], "unreadable": [str(fault) for fault in faults]})
        return ExitCode.FINDINGS if faults else ExitCode.DONE
    if not records and not faults:
        say(f"{around.environment.name} has no backups. homeport backup create {around.environment.name} makes one.")
    if records:
        head = ("BACKUP", "STATE", "SIZE", "EVENTS", "MADE FOR", "COPIES", "RESTORED IN A DRILL")
        say(table(head, [_row(one) for one in records]))
    for fault in faults:
        say(f"unreadable: {fault.sentence}")
    for stray in around.shelf.strays():
        say(f"without a record: {around.shelf.directory / stray}")
    return ExitCode.FINDINGS if faults else ExitCode.DONE


def _row(record: Record) -> tuple[str, ...]:
    position = record.summary.position if record.summary is not None else None
    copies = ", ".join(f"{copy.place} ({copy.state})" for copy in record.copies)
    state = record.state if record.reason is None else f"{record.state}: {record.reason[:60]}"
    drilled = record.drilled[:16] + "Z" if record.drilled else "never"
    if record.drill is not None and record.drill.outcome != "passed":
        drilled = f"{record.drill.outcome} {record.drill.at[:16]}Z: {(record.drill.reason or '')[:60]}"
    if record.damaged is not None:
        state = f"{state}, of damaged data"
    events = "" if position is None else str(position)
    return (record.backup, state, _size(record), events, record.origin, copies or "only here", drilled)


def _size(record: Record) -> str:
    return size(record.archive.size) if record.archive is not None else ""


def _show(around: Surroundings, operate: Operate, arguments: Namespace) -> ExitCode:
    del operate
    record = around.shelf.find(arguments.backup)
    if arguments.json:
        print_json(asdict(record))
        return ExitCode.DONE
    lines = {"backup": record.backup, "state": record.state, "why": record.reason, "made for": record.origin}
    lines["archive"] = str(around.shelf.archive(record)) if record.archive is not None else None
    if record.archive is not None:
        lines |= {"size": size(record.archive.size), "sha256": record.archive.sha256}
    if record.summary is not None:
        held = record.summary
        lines |= {
            "of": held.source,
            "identity": held.identity,
            "schema": held.schema_version,
            "release": held.release or f"Homeport {held.version}",
            "events": None if held.position is None else str(held.position),
            "holds": ", ".join(f"{count} {name}" for name, count in held.counts.items() if count) or "nothing",
            "unpacked": f"{size(held.bytes)} in {held.files} files",
        }
    lines["drill"] = _drill(record)
    lines["damaged"] = record.damaged
    for name, text in lines.items():
        if text is not None:
            say(f"{name:<10} {text}")
    for copy in record.copies:
        say(f"{'copy':<10} {copy.place}: {copy.state}, {copy.checked}" + (f", {copy.reason}" if copy.reason else ""))
    return ExitCode.DONE


def _drill(record: Record) -> str:
    drill = record.drill
    if drill is None:
        return record.drilled or "never restored"
    if drill.outcome != "passed":
        return f"{drill.outcome} at {drill.at}: {drill.reason}"
    how = "restored, served and asked" if drill.depth == "served" else "restored and examined"
    return f"{how} at {drill.at}, in {drill.seconds:.1f} s"


def _verify(around: Surroundings, operate: Operate, arguments: Namespace) -> ExitCode:
    identities = identities_of(around.environment, arguments.identity)
    name = around.environment.name
    with operate() as carrier:
        carrier.heal()
        if arguments.backup:
            wanted, faults = [around.shelf.find(arguments.backup)], list[ManifestError]()
        else:
            found, faults = around.shelf.readable_records()
            wanted = [one for one in found if one.archive is not None]
        verdicts = [
            verdict
            for record in wanted
            for verdict in verify_backup(around, record, identities, everywhere=not arguments.here)
        ]
    bad = [verdict for verdict in verdicts if verdict.fault is not None]
    if arguments.json:
        print_json({"verified": [one.as_json() for one in verdicts], "unreadable": [str(fault) for fault in faults]})
    else:
        for verdict in verdicts:
            say(f"{verdict.backup} at {verdict.place}: " + ("good" if verdict.fault is None else verdict.fault))
        for fault in faults:
            say(f"unreadable: {fault.sentence}")
        if not verdicts and not faults:
            say(f"{name} has no backups.")
    return ExitCode.FINDINGS if bad or faults else ExitCode.DONE


def _prune(around: Surroundings, operate: Operate, arguments: Namespace) -> ExitCode:
    with operate() as carrier:
        carrier.heal()
        pruning = plan_pruning(around)
        left = [] if arguments.dry_run else prune(around, pruning)
    if arguments.json:
        kept = reasons_of(pruning.verdicts)
        print_json(
            {
                "dry_run": arguments.dry_run,
                "kept": {k: v for k, v in kept.items() if v},
                "removed": [one.backup for one in pruning.going],
                "left": left,
            }
        )
    else:
        for verdict in pruning.verdicts:
            would = "would be removed" if arguments.dry_run else "removed"
            say(f"{verdict.id}: " + (f"kept, {'; '.join(verdict.reasons)}" if verdict.kept else would))
        for text in left:
            tell(f"homeport: not removed: {text}")
    return ExitCode.FINDINGS if left else ExitCode.DONE


def _print_plan(plan: Plan, arguments: Namespace) -> None:
    if arguments.json:
        print_json({"dry_run": True, **plan.as_json()})
        return
    for step in plan.steps:
        say(f"would {step}")
