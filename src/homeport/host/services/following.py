"""Brings a branch that is followed to a checkout or a source: what is looked at before a plan is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from homeport.environments.environment import Environment
from homeport.errors import GuardError, HomeportError
from homeport.files import write_atomically
from homeport.host.services.git import Checkout

FILE_NAME: Final = "followed.json"
"""In the journal directory: the commit of each branch that was brought here last, or was tried to."""
_FOLLOWED: Final = "refs/homeport/followed/"
"""In a checkout: what was brought to each branch; what is there besides was made by a person."""


def repository_of(environment: Environment) -> Checkout:
    """The repository that commits are brought into: the checkout, or the source of releases.

    Raises:
        HomeportError: the environment has none.
    """
    place = environment.service.checkout or environment.service.source
    if place is None:
        raise HomeportError(f"{environment.name} has neither a checkout nor a source that a branch could go to.")
    return Checkout(Path(place))


def remote_of(environment: Environment) -> str:
    """Where poll and webhook ask for branches."""
    return environment.follow.remote or "origin"


def find_commit(environment: Environment, remote: str, branch: str, announced: str | None = None) -> str:
    """Gets the newest commit of a branch, and makes sure that going there loses nothing that a person made.

    Args:
        environment: where it is brought to.
        remote: the repository that has it.
        branch: its name.
        announced: a commit that must be one of the branch's.

    Raises:
        GuardError: the checkout was changed, is on no branch, or has commits of its own on that branch.
        HomeportError: the repository does not answer, or has no such branch.
    """
    repository = repository_of(environment)
    if environment.service.checkout is not None:
        _check_untouched(repository)
    commit = repository.fetch_from(remote, branch)
    if announced is not None and not repository.is_within(announced, commit):
        raise HomeportError(f"{announced[:12]} was announced, and {branch} of {remote} does not have it.")
    if environment.service.checkout is None:
        return commit
    own = repository.find(f"refs/heads/{branch}")
    followed = repository.find(f"{_FOLLOWED}{branch}")
    if own is not None and not repository.is_within(own, commit) and own != followed:
        raise GuardError(
            f"{branch} in {repository.directory} has commits that were made there and never pushed.",
            f"git -C {repository.directory} log {commit[:12]}..{branch} shows them; push them, or move them to a "
            "branch of their own.",
        )
    return commit


def note_followed(environment: Environment, branch: str, commit: str) -> None:
    """Remembers what is brought to a branch, before it is tried."""
    if environment.service.checkout is not None:
        repository_of(environment).set_ref(f"{_FOLLOWED}{branch}", commit)
    note_tried(environment, {**read_tried(environment), branch: commit})


def note_back(environment: Environment, branch: str, commit: str | None) -> None:
    """What was brought to a branch did not come up, and the branch has the commit again that it had."""
    if environment.service.checkout is not None and commit is not None:
        repository_of(environment).set_ref(f"{_FOLLOWED}{branch}", commit)


def note_tried(environment: Environment, commits: dict[str, str]) -> None:
    """Remembers all that was looked at."""
    write_atomically(Path(environment.journal_directory) / FILE_NAME, json.dumps(commits, indent=1) + "\n")


def read_tried(environment: Environment) -> dict[str, str]:
    """The commit of each branch that was brought here last; also where it did not come up."""
    try:
        found = json.loads((Path(environment.journal_directory) / FILE_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _check_untouched(checkout: Checkout) -> None:
    if checkout.branch() is None:
        raise GuardError(
            f"{checkout.directory} is on no branch, so that nobody could tell how to come back.",
            f"git -C {checkout.directory} switch BRANCH",
        )
    checkout.demand_unchanged()
