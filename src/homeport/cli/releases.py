"""``homeport releases``."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from homeport.cli.declared import declaration_of
from homeport.cli.hands import releases_of
from homeport.cli.output import print_json, say, table
from homeport.contract import ExitCode
from homeport.environments.releases.release import Release
from homeport.host.data.program import current_release
from homeport.host.releases.pruning import verdicts_of


def run(arguments: Namespace) -> int:
    """Lists the releases, the newest first."""
    declaration = declaration_of(arguments)
    environment = declaration.environment(arguments.environment)
    shelf, current = releases_of(declaration, environment).shelf, current_release(environment)
    releases = {one.id: one for one in shelf.releases()}
    verdicts = verdicts_of(environment, shelf)
    unreadable = [one for one in shelf.ids() if one not in releases]
    if arguments.json:
        shown = [{**asdict(releases[one.id]), "serves": one.id == current, "kept": one.reasons} for one in verdicts]
        print_json({"environment": environment.name, "releases": shown, "unreadable": unreadable})
        return ExitCode.FINDINGS if unreadable else ExitCode.DONE
    if not verdicts and not unreadable:
        say(f"{environment.name} has no releases. homeport deploy {environment.name} makes one.")
    if verdicts:
        head = ("", "RELEASE", "STATE", "SERVED", "BY", "BACKUP", "WHY", "KEPT AS")
        rows = [_row(releases[one.id], "*" if one.id == current else "", one.reasons) for one in verdicts]
        say(table(head, rows))
    for release in unreadable:
        say(f"unreadable: {shelf.directory / release}.json")
    return ExitCode.FINDINGS if unreadable else ExitCode.DONE


def _row(release: Release, mark: str, reasons: tuple[str, ...]) -> tuple[str, ...]:
    state = f"{release.state}: {release.reason[:60]}" if release.reason else release.state
    served = f"{release.served[:16]}Z" if release.served else "never"
    kept = ", ".join(reasons) or "nothing keeps it"
    return (mark, release.id, state, served, release.by, release.backup or "", release.why[:40], kept)
