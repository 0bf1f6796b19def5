"""Removes releases that nothing keeps any more."""

from __future__ import annotations

from pathlib import Path

from homeport.environments.environment import Environment
from homeport.environments.releases.retention import Verdict, judge_releases
from homeport.host.backups.shelf import Shelf
from homeport.host.data.program import current_release
from homeport.host.releases.shelf import ReleaseShelf


def verdicts_of(environment: Environment, shelf: ReleaseShelf) -> list[Verdict]:
    """Which releases stay, and why; the newest first."""
    return judge_releases(
        shelf.releases(),
        keep=environment.service.keep_releases,
        current=current_release(environment),
        needed=_needed(environment),
    )


def prune_releases(environment: Environment, shelf: ReleaseShelf) -> list[str]:
    """Removes what nothing keeps. The operation lock is held.

    Returns:
        The ids of what is gone.
    """
    gone = [one.id for one in verdicts_of(environment, shelf) if not one.kept]
    for release in gone:
        shelf.remove(release)
    return gone


def _needed(environment: Environment) -> set[str]:
    """Releases whose data a backup holds that can still be restored."""
    directory = Path(environment.backups_directory)
    if not directory.is_dir():
        return set()
    records, _ = Shelf(directory, environment.name).readable_records()
    made = (one.summary.release for one in records if one.state in ("good", "written") and one.summary is not None)
    return {release for release in made if release is not None}
