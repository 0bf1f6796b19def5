"""``homeport sync FROM TO``."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import cast

from homeport.cli.asking import confirm
from homeport.cli.changing_data import changing_data
from homeport.cli.declared import declaration_of
from homeport.cli.output import print_json, say, tell
from homeport.cli.progress import ProgressLine
from homeport.cli.showing import plan_lines
from homeport.cli.surroundings import surroundings_of
from homeport.contract import ExitCode, Scrub
from homeport.environments.backups.plans import Target, plan_sync
from homeport.environments.backups.syncing import check_sync
from homeport.host.backups.source import live_source
from homeport.host.backups.target import bytes_below, demand_room, look_at_target
from homeport.host.services.choosing import manager_for


def run(arguments: Namespace) -> int:
    """Plans, asks, and brings one environment's data into another.

    Raises:
        GuardError: TO is protected, nobody agreed, or something forbids it; nothing was changed.
        HomeportError: it failed, and everything is as it was.
        NeedsPersonError: it failed and could not be undone.
    """
    declaration = declaration_of(arguments)
    origin = declaration.environment(arguments.origin)
    environment = declaration.environment(arguments.environment)
    scrub = cast("Scrub | None", arguments.scrub)
    check_sync(origin, environment, scrub)
    source = live_source(origin)
    progress = ProgressLine()
    around = surroundings_of(declaration, environment, None if arguments.json else progress)
    try:
        with changing_data(declaration, environment, around, across="sync") as carrier:
            safety = around.shelf.new_id(datetime.now(UTC))
            target = look_at_target(around, manager_for(environment, PurePosixPath(declaration.file)), safety)
            demand_room(Path(target.data.parent), bytes_below(source), what=f"a snapshot of {origin.name}")
            if target.holds:
                demand_room(around.shelf.directory, bytes_below(Path(target.data)), what="a safety backup")
            plan = plan_sync(target, origin.name, scrub or "none", safety, origin.keeping)
            if arguments.dry_run:
                _show(plan.as_json(), list(plan_lines(plan)), as_json=arguments.json)
                return ExitCode.DONE
            if not arguments.yes:
                tell(f"All data of {environment.name} are replaced by a copy of {origin.name}'s.")
            agreed = confirm(f"Sync {origin.name} into {environment.name}", yes=arguments.yes)
            carried = carrier.carry_out(plan, agreed)
    finally:
        progress.close()
    _report(origin.name, target, safety if target.holds else None, carried.operation, arguments)
    return ExitCode.DONE


def _show(plan: dict[str, object], lines: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"dry_run": True, **plan})
        return
    for line in lines:
        say(line)


def _report(origin: str, target: Target, safety: str | None, operation: str, arguments: Namespace) -> None:
    if arguments.json:
        print_json(
            {
                "from": origin,
                "to": target.environment,
                "scrub": arguments.scrub or "none",
                "operation": operation,
                "safety_backup": safety,
                "started": target.running,
            }
        )
        return
    runs = (
        "its server runs on them, and is healthy" if target.running else "its server did not run, and was not started"
    )
    say(f"{target.environment} holds the data of {origin} now (scrub: {arguments.scrub or 'none'}); {runs}.")
    say("No token of either is good there: homeport token create makes new ones, where it asks for them.")
    if safety is not None:
        say(f"What was there is the backup {safety}.")
