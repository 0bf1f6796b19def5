"""Looks at all environments of a declaration, for the pages of one of their servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Final

from homeport.contract.survey import SURVEY_FILE, AheadSeen, EnvironmentSeen, OperationSeen, ReleaseSeen, Survey
from homeport.environments.doctor.finding import Finding
from homeport.environments.environment import Environment
from homeport.environments.releases.release import Release
from homeport.environments.status.row import make_row
from homeport.environments.status.survey import (
    CHANGES,
    OPERATIONS,
    RELEASES,
    finding_seen,
    release_seen,
    seen,
    survey_text,
)
from homeport.errors import HomeportError
from homeport.files import write_atomically
from homeport.host.backups.shelf import Shelf
from homeport.host.data.program import current_release
from homeport.host.journal import Journal, Operation
from homeport.host.releases.shelf import ReleaseShelf
from homeport.host.releases.source import Source
from homeport.host.services.choosing import manager_for
from homeport.host.services.git import Checkout
from homeport.host.status.gathering import look_at

_SENTENCE: Final = 500


def survey(
    environments: Sequence[Environment], file: Path, version: str, findings: Sequence[Finding], now: datetime
) -> Survey:
    """All environments at this moment; what cannot be seen of one is left out, or is among its remarks.

    Args:
        environments: all that are declared.
        file: their declaration.
        version: of the program that would be started.
        findings: the doctor's, of all of them.
        now: the time.
    """
    found = [_environment(one, file, version, findings) for one in environments]
    return Survey(
        at=now.isoformat(timespec="seconds"),
        environments=tuple(found),
        findings=tuple(finding_seen(one) for one in findings if one.environment is None),
        ahead=tuple(_ahead(environments, found)),
    )


def write_survey(environment: Environment, found: Survey) -> None:
    """Leaves it where the environment's server looks; the journal directory must exist.

    Raises:
        HomeportError: it cannot be written there.
    """
    path = Path(environment.journal_directory) / SURVEY_FILE
    try:
        write_atomically(path, survey_text(found))
    except OSError as error:
        raise HomeportError(f"{path} cannot be written: {error.strerror}.") from None


def _environment(environment: Environment, file: Path, version: str, findings: Sequence[Finding]) -> EnvironmentSeen:
    row = make_row(look_at(environment, manager_for(environment, PurePosixPath(file)), file, version))
    releases = ReleaseShelf(Path(environment.releases_directory)).releases()
    current = current_release(environment)
    backups = Path(environment.backups_directory)
    return seen(
        row,
        commit=_commit(environment, releases, current),
        records=Shelf(backups, environment.name).readable_records()[0] if backups.is_dir() else [],
        releases=list(_releases(releases, current)),
        findings=findings,
        journal=_journal(Path(environment.journal_directory)),
    )


def _commit(environment: Environment, releases: Sequence[Release], current: str | None) -> str | None:
    """What runs: the commit of the current release, or what is checked out."""
    if current is not None:
        return next((one.commit for one in releases if one.id == current), None)
    if environment.service.checkout is None:
        return None
    try:
        return Checkout(Path(environment.service.checkout)).head()
    except HomeportError:
        return None


def _releases(releases: Sequence[Release], current: str | None) -> Iterator[ReleaseSeen]:
    """The newest first, each with what came since the one before it that had served."""
    ordered = sorted(releases, key=lambda one: one.id)
    for number in range(len(ordered) - 1, max(-1, len(ordered) - 1 - RELEASES), -1):
        release = ordered[number]
        before = next((one for one in reversed(ordered[:number]) if one.served is not None), None)
        yield release_seen(release, current, _changes(release, before))


def _changes(release: Release, before: Release | None) -> tuple[str, ...]:
    if before is None or before.commit == release.commit:
        return ()
    try:
        return Source(Path(release.source)).subjects(before.commit, release.commit, CHANGES)[1]
    except HomeportError:
        return ()


def _ahead(environments: Sequence[Environment], found: Sequence[EnvironmentSeen]) -> Iterator[AheadSeen]:
    """What each other environment has that the first protected one lacks, and the other way round."""
    relied_on = next((one for one in found if one.protected and one.commit), None)
    if relied_on is None:
        return
    for environment, other in zip(environments, found, strict=True):
        if other is relied_on or other.commit is None:
            continue
        for one, of in ((other, relied_on), (relied_on, other)):
            # Either may be ahead; the one that knows both commits can say by how much.
            known = (
                _between(place, str(of.commit), str(one.commit)) for place in _repositories(environments, environment)
            )
            count, subjects = next((found for found in known if found is not None), (0, ()))
            if count:
                yield AheadSeen(environment=one.name, of=of.name, count=count, commits=subjects)


def _repositories(environments: Sequence[Environment], first: Environment) -> Iterator[Path]:
    for one in (first, *environments):
        places = (one.service.checkout, one.service.source, one.repository)
        yield from (Path(place) for place in places if place is not None and Path(place).is_dir())


def _between(place: Path, before: str, after: str) -> tuple[int, tuple[str, ...]] | None:
    try:
        return Source(place).subjects(before, after, CHANGES)
    except HomeportError:
        return None


def _journal(directory: Path) -> list[OperationSeen]:
    try:
        operations = list(Journal(directory).operations())
    except (HomeportError, OSError):
        return []
    return [_operation(one) for one in reversed(operations[-OPERATIONS:])]


def _operation(one: Operation) -> OperationSeen:
    return OperationSeen(
        id=one.id,
        operation=str(one.plan_json.get("operation", "")),
        by=str(one.by.get("sudo_user") or one.by.get("user", "?")),
        begun_at=one.begun_at,
        outcome=one.outcome or "open",
        sentence=one.sentence[:_SENTENCE],
        seconds=one.seconds,
    )
