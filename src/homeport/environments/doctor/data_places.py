"""Data directories: the live one against the declaration, against sandboxes, against each other; and stale ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import PurePosixPath

from homeport.environments.doctor.crash_loops import units_of
from homeport.environments.doctor.facts import DirectoryFact, HostFacts
from homeport.environments.doctor.finding import Finding
from homeport.environments.doctor.live import DATA_KINDS, LiveData, data_directory, live_data
from homeport.environments.environment import Environment
from homeport.environments.sharing import overlap


def find_data_faults(environments: Sequence[Environment], facts: HostFacts) -> Iterator[Finding]:
    """What is wrong with where data are."""
    for environment in environments:
        live = live_data(environment, facts)
        if live is not None and live.path != environment.data_directory:
            yield _elsewhere(environment, live)
        yield from _missed_by_sandbox(environment, facts)
        yield from _of_another(environment, facts)
        yield from _tracked(environment, facts)
    yield from _shared(environments, facts)
    yield from _stale(environments, facts)


def _elsewhere(environment: Environment, live: LiveData) -> Finding:
    return Finding(
        kind="data-elsewhere",
        environment=environment.name,
        severity="critical",
        sentence=f"The server of {environment.name} writes to {live.path}, not to the declared data directory.",
        evidence=(f"{live.path}: {live.how}", f"declared: {environment.data_directory}"),
        consequence="Backups, restores and syncs that follow the declaration would work on the wrong data.",
        mend=f'data = "{live.path}" in [environments.{environment.name}], or move the data and restart the server',
    )


def _missed_by_sandbox(environment: Environment, facts: HostFacts) -> Iterator[Finding]:
    data = data_directory(environment, facts)
    for unit in units_of(environment, facts):
        if not unit.sandboxed or any(data.is_relative_to(path) for path in unit.writable):
            continue
        named = ", ".join(map(str, unit.writable)) or "nothing"
        yield Finding(
            kind="sandbox-misses-data",
            environment=environment.name,
            severity="critical",
            sentence=f"{unit.name} may not write the live data directory {data}.",
            evidence=(f"it may write {named} and nothing else", *([f"it stands in {unit.file}"] if unit.file else [])),
            consequence="Started by this unit, the server cannot store anything.",
            mend=f"homeport provision {environment.name}",
        )


def _of_another(environment: Environment, facts: HostFacts) -> Iterator[Finding]:
    data = data_directory(environment, facts)
    found = facts.directory(data)
    if found is not None and found.environment not in (None, environment.name):
        yield Finding(
            kind="data-of-another",
            environment=environment.name,
            severity="critical",
            sentence=f"{data} of {environment.name} holds data of {found.environment}.",
            evidence=(f"its identity.json says {found.environment}",),
            consequence=f"No server of {environment.name} opens it; a server that does not look would mix the two.",
            mend=f"declare another data directory for {environment.name}, or restore its own data into it",
        )


def _tracked(environment: Environment, facts: HostFacts) -> Iterator[Finding]:
    data = data_directory(environment, facts)
    found = facts.directory(data)
    if found is not None and found.tracked is not None:
        yield Finding(
            kind="data-tracked",
            environment=environment.name,
            severity="critical",
            sentence=f"The git repository {found.tracked} tracks files of the data directory {data}.",
            evidence=(f"git -C {found.tracked} ls-files {data}",),
            consequence="Private messages are published with the next push, and a checkout can overwrite live data.",
            mend=f"git -C {found.tracked} rm -r --cached {data}, add it to .gitignore, and declare data outside of it",
        )


def _shared(environments: Sequence[Environment], facts: HostFacts) -> Iterator[Finding]:
    live = [(environment, found) for environment in environments if (found := live_data(environment, facts))]
    for (one, mine), (other, theirs) in combinations(live, 2):
        if overlap(mine.path, theirs.path):
            astray = one if mine.path != one.data_directory else other
            yield Finding(
                kind="data-shared",
                environment=astray.name,
                severity="critical",
                sentence=f"The servers of {one.name} and {other.name} write to the same data: {theirs.path}.",
                evidence=(f"{one.name}: {mine.how}", f"{other.name}: {theirs.how}"),
                consequence="What one changes, changes for the other too, and two servers corrupt each other's data.",
                mend=_part(astray, facts),
            )


def _part(astray: Environment, facts: HostFacts) -> str:
    holder = facts.holder(astray.http_port)
    if holder is not None and holder.unit is None and facts.managed:
        return f"kill {holder.pid}, then homeport start {astray.name}, which has a data directory of its own"
    return f"homeport stop {astray.name}, then give it a data directory of its own"


def _stale(environments: Sequence[Environment], facts: HostFacts) -> Iterator[Finding]:
    """Directories that look like data and are nobody's."""
    known: list[PurePosixPath] = []
    for environment in environments:
        known += [data_directory(environment, facts), environment.data_directory, environment.backups_directory]
        known += [environment.releases_directory, environment.journal_directory]
    # What is told with its database is packed only once that is gone: without it the directory holds nothing.
    kept = {one["name"] for state in facts.databases.values() for one in state["kept"]}
    for found in facts.directories:
        if found.database in kept:
            continue
        if not _holds_data(found) or any(found.path.is_relative_to(path) for path in known):
            continue
        if any(path.is_relative_to(found.path) for path in known):
            continue
        near = _nearest(found, environments, facts)
        live = data_directory(near, facts)
        yield Finding(
            kind="stale-data",
            environment=near.name,
            severity="warning",
            sentence=f"{found.path} looks like a data directory of {near.name}, and no server uses it.",
            evidence=(
                f"{found.files} files, last changed {_day(found)}",
                f"live is {live}, last changed {_day(facts.directory(live))}",
            ),
            consequence="Somebody, or some job, will take it for the live one.",
            mend=f"homeport adopt {near.name} --archive-stale {found.path}",
            subject=str(found.path),
        )


def _holds_data(found: DirectoryFact) -> bool:
    return found.exists and found.kind in DATA_KINDS and found.files > 0


def _nearest(found: DirectoryFact, environments: Sequence[Environment], facts: HostFacts) -> Environment:
    """The environment whose data lie closest in the tree; of equals, the one whose name it bears, then the first."""

    def closeness(environment: Environment) -> tuple[int, bool]:
        data = data_directory(environment, facts)
        common = sum(1 for one, other in zip(found.path.parts, data.parts, strict=False) if one == other)
        return common, found.environment == environment.name or environment.name in found.path.name

    return max(environments, key=closeness)


def _day(found: DirectoryFact | None) -> str:
    return f"{found.newest:%Y-%m-%d %H:%M}" if found is not None and found.newest else "at a time that is not known"
