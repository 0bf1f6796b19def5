"""The machine itself: disks, clock, modes, secrets, the SQLite library, drift."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from homeport.environments.doctor.facts import DirectoryFact, HostFacts, SecretFact
from homeport.environments.doctor.finding import Finding
from homeport.environments.doctor.live import concerns, data_directory
from homeport.environments.environment import Environment
from homeport.environments.machine.drift import Drift
from homeport.environments.steps import Permit

FULL: Final = 0.05
"""Free share of a file system below which it counts as nearly full."""
SMALL: Final = 1 << 30
"""Bytes that must be free besides: a backup, and a copy of it for a drill."""
SECRET: Final = 0o600
AHEAD: Final = timedelta(minutes=5)
"""By so much a file may be younger than now; one from later tells of a clock that was set back."""
_OTHERS: Final = 0o077
_FIRST_BAD: Final = (3, 7, 0)
_FIRST_GOOD: Final = (3, 51, 3)
_MENDED: Final = ((3, 44, 6), (3, 50, 7))
"""Releases of older branches that have the correction (operations.md)."""


def find_machine_faults(environments: Sequence[Environment], facts: HostFacts) -> Iterator[Finding]:
    """What is wrong with what an environment stands on."""
    seen: set[int] = set()
    for environment in environments:
        for path in (data_directory(environment, facts), environment.backups_directory):
            found = facts.directory(path)
            if found is None or not found.exists:
                continue
            if found.device not in seen:
                seen.add(found.device)
                yield from _full(environment, found)
            yield from _read_only(environment, found)
            yield from _open_to_others(environment, found)
        yield from _library(environment, facts)
        if facts.drift.get(environment.name):
            yield _drift(environment, facts.drift[environment.name])
    for secret in facts.secrets:
        yield _readable(secret)
    if facts.clock:
        yield _clock(facts.clock, "timedatectl set-ntp true")
    future = [found for found in facts.directories if found.newest is not None and found.newest - facts.now > AHEAD]
    if future and not facts.clock:
        deepest = max(future, key=lambda found: len(found.path.parts))
        yield _clock(
            f"{deepest.path} has a file from {deepest.newest:%Y-%m-%d %H:%M}, and it is {facts.now:%Y-%m-%d %H:%M}",
            f"set it right (timedatectl), then find {deepest.path} -newermt now -exec touch {{}} +",
        )


def _full(environment: Environment, found: DirectoryFact) -> Iterator[Finding]:
    if found.total and found.free < max(found.total * FULL, min(SMALL, found.total * 0.1)):
        percent = 100 * found.free / found.total
        yield Finding(
            kind="disk-nearly-full",
            environment=environment.name,
            severity="critical",
            sentence=f"The disk of {found.path} has {percent:.1f} % left.",
            evidence=(f"{found.free:,} of {found.total:,} bytes are free",),
            consequence="Writes and backups will fail.",
            mend=f"free some space, or homeport backup prune {environment.name}",
        )


def _read_only(environment: Environment, found: DirectoryFact) -> Iterator[Finding]:
    if found.read_only:
        yield Finding(
            kind="read-only",
            environment=environment.name,
            severity="critical",
            sentence=f"{found.path} is on a file system that is mounted read-only.",
            evidence=(f"findmnt -T {found.path}",),
            consequence="Nothing can be stored there.",
            mend="look at the kernel's log (dmesg): a disk that failed is mounted so; then mount -o remount,rw "
            f"{found.path}, or the mount point above it",
        )


def _open_to_others(environment: Environment, found: DirectoryFact) -> Iterator[Finding]:
    if not environment.is_foreign and found.mode & _OTHERS & 0o007:
        yield Finding(
            kind="open-to-others",
            environment=environment.name,
            severity="warning",
            sentence=f"Every user of this machine may look into {found.path}.",
            evidence=(f"its mode is {found.mode:04o}, its owner {found.owner}",),
            consequence="It holds what people wrote to each other, and the hashes of tokens.",
            mend=f"chmod o-rwx {found.path}",
            fix=(Permit(found.path, found.mode & ~0o007),),
        )


def _readable(secret: SecretFact) -> Finding:
    return Finding(
        kind="secret-readable",
        environment=None,
        severity="critical",
        sentence=f"{secret.path} holds {secret.what}, and others than its owner may read it.",
        evidence=(f"its mode is {secret.mode:04o}",),
        consequence="Whoever has an account here has the secret.",
        mend=f"chmod 600 {secret.path}, and change the secret where others may have read it",
        fix=(Permit(secret.path, SECRET),),
    )


def _library(environment: Environment, facts: HostFacts) -> Iterator[Finding]:
    for process in facts.processes:
        if process.sqlite is None or not concerns(environment, process.files):
            continue
        if loses_data(process.sqlite):
            yield Finding(
                kind="sqlite-old",
                environment=environment.name,
                severity="critical",
                sentence=f"A process has data of {environment.name} open with SQLite {process.sqlite}.",
                evidence=(str(process),),
                consequence="Such a SQLite can corrupt a database that several connections write and checkpoint.",
                mend=f"kill {process.pid}; use a program with SQLite 3.51.3, 3.50.7 or 3.44.6, or newer",
            )


def loses_data(version: str) -> bool:
    """Whether a SQLite of this version has the fault of WAL databases (operations.md)."""
    try:
        number = tuple(int(part) for part in version.split(".")[:3])
    except ValueError:
        return False
    if not _FIRST_BAD <= number < _FIRST_GOOD:
        return False
    return not any(number[:2] == mended[:2] and number >= mended for mended in _MENDED)


def _drift(environment: Environment, differences: Sequence[Drift]) -> Finding:
    provision = f"homeport provision {environment.name}"
    if any(one.is_in_the_way for one in differences):
        provision += " --overwrite-drift"
        more = "makes it as declared and keeps a copy of what was edited"
    else:
        more = "makes it as declared"
    return Finding(
        kind="drift",
        environment=environment.name,
        severity="warning",
        sentence=f"What stands on this machine for {environment.name} is not what its declaration makes of it.",
        evidence=tuple(str(one) for one in differences[:20]),
        consequence="What runs is not what is declared.",
        mend=f"{provision} {more}; --dry-run shows it first",
    )


def _clock(what: str, mend: str) -> Finding:
    return Finding(
        kind="clock",
        environment=None,
        severity="warning",
        sentence=f"The clock of this machine is not to be relied on: {what}.",
        evidence=("timedatectl status",),
        consequence="Leases, the age of backups and the order of events are wrong.",
        mend=mend,
    )
