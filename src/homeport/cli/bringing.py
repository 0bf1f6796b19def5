"""Brings a followed branch to an environment: by a push, by poll, or because a webhook asked for it."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import Final, Literal

from homeport.cli.declared import make_place, plan_directories
from homeport.cli.hands import hands_of, operating
from homeport.cli.output import say
from homeport.cli.showing import Told
from homeport.cli.waiting import waited_for
from homeport.contract import ExitCode
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.environments.services.plans import plan_bring
from homeport.environments.services.steps import HEALTH_SECONDS
from homeport.errors import HomeportError, OperationRunsError
from homeport.host.carrying import Carrier
from homeport.host.health import ask_environment
from homeport.host.services.choosing import manager_for
from homeport.host.services.following import find_commit, note_back, note_followed, repository_of
from homeport.host.workspace import make_workspace

Way = Literal["push", "poll", "webhook"]
PATIENCE: Final = 120.0
"""Seconds to wait for another operation on the environment: whoever pushed cannot push the same again."""
PATIENCE_ACROSS: Final = 3600.0
"""The same where other machines have the data too, which follow the branch as well: one deploys after the other."""


def bring(
    declaration: Declaration, environment: Environment, branch: str, remote: str, way: Way, announced: str | None = None
) -> bool:
    """Has an environment run the newest commit of a branch, or what it ran before where that does not come up.

    Args:
        declaration: with all environments.
        environment: follows the branch.
        branch: its name.
        remote: the repository that has it.
        way: how it came.
        announced: a commit that the branch must have, where somebody has said so.

    Returns:
        Whether anything changed.

    Raises:
        HomeportError: it did not come up; the one before runs.
        GuardError: the checkout is not as it should be, or another operation does not end.
        NeedsPersonError: it could not be taken back.
    """
    make_workspace(plan_directories(declaration, [environment.name]))
    if environment.service.checkout is None:
        commit = find_commit(environment, remote, branch, announced)
        return _deploy(declaration, environment, branch, commit, way)
    with _carrying(declaration, environment) as carrier:
        carrier.heal()
        make_place(declaration, environment)
        # Only now, since whoever had the lock before may have brought something else.
        commit = find_commit(environment, remote, branch, announced)
        return _to_checkout(declaration, environment, branch, commit, way, carrier)


def _to_checkout(
    declaration: Declaration, environment: Environment, branch: str, commit: str, way: Way, carrier: Carrier
) -> bool:
    checkout = repository_of(environment)
    stands = (checkout.branch(), checkout.head())
    state = manager_for(environment, PurePosixPath(declaration.file)).state(environment)
    if stands == (branch, commit) and state.running and ask_environment(environment).healthy:
        note_followed(environment, branch, commit)
        say(f"{environment.name} runs {commit[:12]} of {branch} already.")
        return False
    plan = plan_bring(way, environment, state, branch, commit, HEALTH_SECONDS)
    own = checkout.find(f"refs/heads/{branch}")
    note_followed(environment, branch, commit)
    try:
        carrier.carry_out(plan, "declared")
    except HomeportError as error:
        if error.exit_code == ExitCode.NEEDS_PERSON:
            raise
        note_back(environment, branch, own)
        what = f"{commit[:12]} of {branch} does not come up, and {environment.name} is as it was before"
        stood = f"({stands[1][:12]} of {stands[0]})"
        raise type(error)(f"{what} {stood}: {error.sentence}", error.hint, **error.details) from error
    say(f"{environment.name} runs {commit[:12]} of {branch}: {environment.health_url}")
    return True


def _deploy(declaration: Declaration, environment: Environment, branch: str, commit: str, way: Way) -> bool:
    """As a release, the way that ``homeport deploy`` goes; that is declared, so that nobody is asked."""
    from homeport.cli import main

    words = ("deploy", environment.name, "--ref", commit, "--yes", "--why", f"{way} of {branch}")
    deadline = time.monotonic() + (PATIENCE if environment.database is None else PATIENCE_ACROSS)
    code = ExitCode.REFUSED
    while code == ExitCode.REFUSED:
        with _carrying(declaration, environment, across="deploy", deadline=deadline) as carrier:
            # Nobody is here who could want what is stuck to be tried again, as deploy does.
            carrier.heal()
        note_followed(environment, branch, commit)
        code = ExitCode(main([*words, "--config", declaration.file]))
        if code == ExitCode.REFUSED and not _is_taken(declaration, environment):
            break
    if code != ExitCode.DONE:
        raise HomeportError(
            f"{commit[:12]} of {branch} was not deployed to {environment.name}, for what is said above."
        )
    return True


def _is_taken(declaration: Declaration, environment: Environment) -> bool:
    """Whether another operation, on whatever machine, has the environment now."""
    try:
        with _carrying(declaration, environment, across="deploy", deadline=time.monotonic()):
            return False
    except OperationRunsError:
        return True


def _carrying(
    declaration: Declaration, environment: Environment, *, across: str = "", deadline: float | None = None
) -> AbstractContextManager[Carrier]:
    """A carrier, waited for while another operation has the environment; for ``across`` see :func:`operating`."""
    hands = hands_of(declaration, environment)
    until = time.monotonic() + PATIENCE if deadline is None else deadline
    return waited_for(lambda: operating(declaration, environment, hands, Told(), again=False, across=across), until)
