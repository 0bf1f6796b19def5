"""``homeport deploy`` and ``homeport rollback``."""

from __future__ import annotations

import getpass
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from homeport.cli.asking import confirm
from homeport.cli.declared import declaration_of, make_place, plan_directories
from homeport.cli.hands import hands_of, operating, releases_of
from homeport.cli.output import print_json, say, tell
from homeport.cli.showing import Told, plan_lines
from homeport.cli.surroundings import surroundings_of
from homeport.contract import ExitCode
from homeport.environments.backups.losses import loss_lines
from homeport.environments.environment import Environment
from homeport.environments.migrations.pending import Ran, Standing, check_standing, ran_lines
from homeport.environments.plan import Plan
from homeport.environments.releases.checks import Check, demand, judge
from homeport.environments.releases.going_back import DataPoint, kept_aside, plan_rollback_with_data
from homeport.environments.releases.plans import Change, plan_deploy, plan_rollback
from homeport.environments.releases.release import Release, choose_release, new_release_id
from homeport.environments.releases.steps import BuildRelease, HandOver, RehearseRelease
from homeport.environments.services.plans import check_unmanaged
from homeport.errors import GuardError, HomeportError, UsageError
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.shelf import Shelf
from homeport.host.carrying import Carried, Carrier
from homeport.host.data.program import current_release
from homeport.host.journal import Confirmed
from homeport.host.releases.aside import allow_loss, drop, forget_allowance
from homeport.host.releases.checking import check_room, look
from homeport.host.releases.data_point import find_data_point
from homeport.host.releases.hands import ReleaseSurroundings
from homeport.host.releases.pruning import prune_releases
from homeport.host.releases.rehearsing import facts_of
from homeport.host.releases.scripts import scripts_for, standing_of_commit, standing_of_release
from homeport.host.releases.source import Source
from homeport.host.releases.stuck import find_stuck, stay
from homeport.host.workspace import make_workspace


@dataclass(frozen=True, slots=True)
class _Made:
    """A plan, and the release that it is about."""

    plan: Plan
    release: str
    change: Change
    checks: tuple[Check, ...] = ()
    point: DataPoint | None = None
    """The data that go back with it."""


def run(arguments: Namespace) -> int:
    """Plans, shows, asks, and carries out.

    Raises:
        GuardError: another operation runs, the source has changes that are in no commit, or nobody agreed.
        CannotStartError: another server has the ports or the data.
        UsageError: there is no source, no such commit, or no such release.
        HomeportError: it failed; the previous release serves.
        NeedsPersonError: it failed, and going back would lose what was stored.
    """
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    around, backups = releases_of(declaration, environment), surroundings_of(declaration, environment)
    if arguments.dry_run:
        return _dry_run(_plan(around, backups, arguments), arguments)
    make_workspace(plan_directories(declaration, [environment.name]))
    hands = hands_of(declaration, environment)
    with operating(declaration, environment, hands, Told(), across=arguments.action) as carrier:
        if arguments.action == "deploy" and (arguments.stay or arguments.lose):
            return _decide(around, carrier, lose=arguments.lose)
        carrier.heal()
        make_place(declaration, environment)
        around.shelf.tidy()
        made = _plan(around, backups, arguments)
        agreed = _ask(environment, made, arguments)
        try:
            done = carrier.carry_out(made.plan, agreed)
        except HomeportError as error:
            _remember(around, made, error)
            raise
        drop(Path(made.change.aside))
        gone = prune_releases(around.environment, around.shelf)
    return _done(environment, made, done, gone, arguments)


def _plan(around: ReleaseSurroundings, backups: Surroundings, arguments: Namespace) -> _Made:
    """What is to be done, after everything that can be known before was looked at."""
    environment = around.environment
    check_unmanaged(environment, around.manager().state(environment))
    check_room(environment)
    if arguments.action == "deploy":
        return _plan_deploy(around, arguments)
    target, current = _target(around, arguments.to)
    point = find_data_point(backups, target, around.program(target.id))
    standing = standing_of_release(environment, target.id) if environment.is_foreign and point is None else None
    change = _change(around, target.id, arguments, standing)
    checks, why = _checked(around, change, None, arguments)
    if point is None:
        return _Made(plan_rollback(change, current, why), target.id, change, checks)
    return _Made(plan_rollback_with_data(change, point, current, why), target.id, change, checks, point)


def _plan_deploy(around: ReleaseSurroundings, arguments: Namespace) -> _Made:
    environment, service = around.environment, around.environment.service
    if service.source is None:
        raise UsageError(
            f"{environment.name} declares no source, which releases are built from.",
            f"environments.{environment.name}.source names a git repository on this machine.",
        )
    source = Source(Path(service.source))
    found = source.find(arguments.ref or service.branch, dirty=arguments.dirty)
    standing = standing_of_commit(environment, source, found.tree) if environment.is_foreign else None
    if standing is not None:
        check_standing(environment.name, standing)
    release = new_release_id(around.now(), found.commit, dirty=found.dirty, taken=around.shelf.ids())
    change = _change(around, release, arguments, standing)
    checks, why = _checked(around, change, found.commit, arguments)
    build = BuildRelease(
        environment=environment.name,
        release=release,
        source=service.source,
        commit=found.tree,
        by=_whoever_asks(),
        why=why,
        dirty=found.dirty,
        base=found.commit,
    )
    return _Made(plan_deploy(change, build), release, change, checks)


def _checked(
    around: ReleaseSurroundings, change: Change, commit: str | None, arguments: Namespace
) -> tuple[tuple[Check, ...], str]:
    """What was found before, and what is to be remembered of the reason.

    Raises:
        GuardError: a check refuses, and nobody said that it shall be done anyway.
    """
    environment = around.environment
    named = environment.deploy.proven_in if commit is not None else ""
    proving = around.declared(named) if named else None
    found = look(environment, around.file, commit, proving, by_systemd=change.units)
    checks = judge(environment, found, commit, around.now())
    refused = [one.sentence for one in checks if one.weight == "refusal"]
    if not arguments.anyway:
        demand(checks)
    for one in checks:
        if one.weight != "ok" and not arguments.json:
            tell(f"{'against the check' if one.weight == 'refusal' else 'note'}: {one.sentence}")
    words = [arguments.why, *(f"anyway: {sentence}" for sentence in refused)]
    return tuple(checks), "; ".join(word for word in words if word)


def _change(
    around: ReleaseSurroundings, release: str, arguments: Namespace, standing: Standing | None = None
) -> Change:
    """How it goes; ``standing`` is that of another server's data to the release."""
    environment = around.environment
    scripts = scripts_for(environment, standing)
    has_data = environment.is_foreign or Path(environment.identity_file).is_file()
    backups = Path(environment.backups_directory)
    backup = Shelf(backups, environment.name).new_id(around.now()) if has_data and backups.is_dir() else None
    drilled = bool(environment.backup.drill_command) and Path(environment.data_directory).is_dir()
    tried = (scripts is not None or drilled) if environment.is_foreign else has_data
    manager = around.manager()
    units = environment.runs_releases and manager.kind == "systemd"
    # The name of a socket has a hundred characters at most, and a data directory may have more.
    socket = PurePosixPath(tempfile.gettempdir()) / f"homeport-{release[:16]}-{os.getpid()}.sock"
    return Change(
        environment=environment,
        release=release,
        backup=backup,
        scratch=environment.directory / f".rehearsal-{release}" if tried else None,
        socket=socket,
        seconds=arguments.wait,
        watch=arguments.watch,
        slots=units or (manager.kind == "processes" and manager.state(environment).hands_over),
        units=units,
        scripts=scripts,
        blind=has_data and environment.database is not None and _is_blind(around),
    )


def _is_blind(around: ReleaseSurroundings) -> bool:
    """Whether the release that serves does not know the data as they are: another machine's deploy changed them."""
    facts = facts_of(around.serving, Path(around.environment.data_directory))
    return any(problem["code"] == "newer_schema" for problem in facts["problems"])


def _target(around: ReleaseSurroundings, named: str | None) -> tuple[Release, Release | None]:
    """The release to go back to, and the one that serves.

    Raises:
        UsageError: there is none.
    """
    releases, serving = around.shelf.releases(), current_release(around.environment)
    current = next((one for one in releases if one.id == serving), None)
    if named is None:
        good = [one for one in releases if one.id != serving and one.state == "good" and one.served is not None]
        if not good:
            raise UsageError(
                f"{around.environment.name} has no other release that ever served well.",
                f"homeport releases {around.environment.name} lists what there is; --to RELEASE names one.",
            )
        target = max(good, key=lambda one: one.served or "")
    else:
        target = choose_release(named, releases)
    if target.id == serving:
        raise UsageError(f"{target.id} serves already.", "homeport restart starts it anew.")
    if not around.shelf.path(target.id).is_dir():
        raise UsageError(f"{target.id} was never whole: {target.reason or 'its directory is missing'}")
    return target, current


def _ask(environment: Environment, made: _Made, arguments: Namespace) -> Confirmed:
    """Asks where the environment is protected; and, whatever it is, where something that was stored would be lost.

    Raises:
        GuardError: nobody agreed.
    """
    loses = made.point is not None and made.point.loses
    if not (loses and not arguments.lose) and (arguments.yes or not environment.protected):
        return "yes" if arguments.yes or arguments.lose else ""
    for line in (*_point_lines(made), *plan_lines(made.plan)):
        tell(line)
    if loses and not arguments.lose and not sys.stdin.isatty():
        raise GuardError(
            f"Going back to {made.release} takes the data back to {made.point.backup if made.point else ''}, and loses"
            " what was stored since.",
            "--lose agrees to that.",
            lost=made.point.loss if made.point else None,
        )
    why = "and lose what was stored since" if loses else "which is protected"
    return confirm(f"{made.plan.operation} {environment.name}, {why}: {made.release}", yes=False)


def _point_lines(made: _Made) -> list[str]:
    """What becomes of the data, where they go back too."""
    point = made.point
    if point is None:
        return []
    first = f"{made.release} cannot use the data as they are: they go back to the backup {point.backup}."
    if point.loss is None:
        return [first, "What would be lost cannot be counted; all that is newer than the backup goes."]
    kept = f"The data that are there stay in {kept_aside(made.change)}, and in a backup."
    return [first, *loss_lines(point.loss), kept]


def _decide(around: ReleaseSurroundings, carrier: Carrier, *, lose: bool) -> int:
    """Does what a person chose where a change could neither be finished nor taken back without losing something.

    Raises:
        UsageError: there is nothing to choose.
    """
    environment = around.environment
    stuck = find_stuck(environment)
    if stuck is None:
        raise UsageError(f"No deploy of {environment.name} waits for a decision.", "homeport log says what was done.")
    if lose:
        allow_loss(Path(stuck.aside))
        carrier.heal()
        forget_allowance(Path(stuck.aside))
        say(f"{environment.name} is back at what served before {stuck.release}.")
    else:
        stay(around, stuck)
        say(f"{environment.name} stays with {stuck.release}.")
    return ExitCode.DONE


def _remember(around: ReleaseSurroundings, made: _Made, error: HomeportError) -> None:
    """Puts the cause into the record of a release that was built for nothing."""
    known = around.shelf.find(made.release)
    if known is not None and known.state == "failed":
        around.shelf.write(replace(known, reason=error.sentence))


def _dry_run(made: _Made, arguments: Namespace) -> int:
    if arguments.json:
        checks = [one.as_json() for one in made.checks]
        told = {"dry_run": True, "release": made.release, "checks": checks, "data": _point_json(made.point)}
        print_json({**told, "plan": made.plan.as_json()})
        return ExitCode.DONE
    for line in _point_lines(made):
        say(line)
    for line in plan_lines(made.plan):
        say(line)
    return ExitCode.DONE


def _done(environment: Environment, made: _Made, done: Carried, gone: list[str], arguments: Namespace) -> int:
    numbers = {type(step): number for number, step in enumerate(made.plan.steps)}
    tried = done.results.get(numbers.get(RehearseRelease, -1), {})
    over = done.results.get(numbers.get(HandOver, -1), {})
    if arguments.json:
        print_json(
            {
                "environment": environment.name,
                "operation": done.operation,
                "release": made.release,
                "backup": made.change.backup,
                "checks": [one.as_json() for one in made.checks],
                "rehearsal": dict(tried) or None,
                "hand_over": dict(over) or None,
                "data": _point_json(made.point),
                "removed": gone,
            }
        )
        return ExitCode.DONE
    if tried:
        answered = f": {tried['questions']} calls answered" if tried["questions"] else ""
        say(f"rehearsed in {tried['seconds']:.1f} s{answered}")
        if tried["migrations"]:
            before, after, took = tried["from_schema"], tried["to_schema"], tried["migrating_seconds"]
            for line in ran_lines(Ran(tuple(tried["migrations"]), before, after, tried["rows_changed"], took)):
                say(line)
    if over:
        say(f"handed over{_pause(over)}")
    say(f"{environment.name} serves {made.release}: {environment.health_url}")
    if made.point is not None:
        say(f"Its data are those of the backup {made.point.backup}; the others stay in {kept_aside(made.change)}.")
    for release in gone:
        say(f"removed {release}, which nothing keeps")
    return ExitCode.DONE


def _pause(over: Mapping[str, Any]) -> str:
    """Who waited meanwhile, and for how long."""
    if over["held_seconds"]:
        return f"; callers waited for {over['held_seconds']:.1f} s"
    waited = over.get("writes_waited_seconds")
    return f"; what was to be written waited for up to {waited:.1f} s" if waited else " without a pause"


def _point_json(point: DataPoint | None) -> dict[str, object] | None:
    return {"backup": point.backup, "lost": point.loss} if point is not None else None


def _whoever_asks() -> str:
    behind = os.environ.get("SUDO_USER")
    if behind:
        return behind
    with suppress(KeyError, OSError):
        return getpass.getuser()
    return str(os.geteuid())
