"""``homeport repository``, ``receive`` and ``poll``: branches that come to environments by themselves."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from homeport.cli.bringing import Way, bring
from homeport.cli.declared import declaration_of
from homeport.cli.output import print_error, print_json, say, tell
from homeport.contract import ExitCode
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.environments.following import (
    find_news,
    followers,
    follows,
    hook_text,
    main_branch,
    nobody_follows,
    parse_updates,
)
from homeport.errors import HomeportError, UsageError
from homeport.host.services.following import note_tried, read_tried, remote_of, repository_of
from homeport.host.services.repository import find_changes, make_repository
from homeport.host.services.requests import open_requests

_LARGEST = 1 << 20


def run(arguments: Namespace) -> int:
    """Does what the command says.

    Raises:
        UsageError: the declaration is wrong, or nothing is followed.
        HomeportError: git refused.
    """
    declaration = declaration_of(arguments)
    match arguments.action:
        case "repository":
            return _make(declaration, arguments)
        case "receive":
            return _receive(declaration)
        case "requests":
            return _requests(declaration, declaration.environment(arguments.environment))
        case _:
            return _poll(declaration, arguments)


def _make(declaration: Declaration, arguments: Namespace) -> int:
    path = repository_path(declaration)
    words = (sys.executable, "-P", "-m", "homeport", "receive", "--config", declaration.file)
    changes = find_changes(Path(path), hook_text(words))
    if not arguments.dry_run:
        make_repository(Path(path), hook_text(words), main_branch(declaration.environments.values()))
    followed = {one.name: list(one.follow.branches) for one in declaration.environments.values()}
    if arguments.json:
        shown = {"repository": str(path), "dry_run": arguments.dry_run, "steps": changes, "follow": followed}
        print_json(shown)
        return ExitCode.DONE
    for change in changes:
        say(f"{'would ' if arguments.dry_run else ''}{change}")
    if not changes:
        say(f"{path} is there, with its hook; nothing to do.")
    for name, branches in followed.items():
        say(f"{name} follows {', '.join(branches) or 'no branch (environments.' + name + '.follow)'}")
    say(f"git remote add homeport ssh://HOST{path}   # or, on this machine: {path}")
    return ExitCode.DONE


def repository_path(declaration: Declaration) -> PurePosixPath:
    """Of the repository of a root, which all environments have in common."""
    return next(iter(declaration.environments.values())).repository


def _receive(declaration: Declaration) -> int:
    """What the hook runs: the pushed refs come on stdin, and whoever pushed reads what is said."""
    # The hook's own repository is in variables that every git of ours, and every server started here, would go by.
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    codes = []
    for update in parse_updates(sys.stdin.read(_LARGEST)):
        branch = update.branch
        if branch is None:
            continue
        if update.is_gone:
            say(f"{branch} is gone here; no environment is changed by that.")
            continue
        found = followers(declaration.environments.values(), branch)
        if not found:
            say(nobody_follows(branch, declaration.environments.values()))
        remote = str(repository_path(declaration))
        codes += [_try(declaration, one, branch, remote, "push") for one in found]
    return max(codes, default=int(ExitCode.DONE))


def _try(
    declaration: Declaration, environment: Environment, branch: str, remote: str, way: Way, announced: str | None = None
) -> int:
    """Brings a branch, and says why it was not; the next environment has its turn all the same."""
    try:
        bring(declaration, environment, branch, remote, way, announced)
    except HomeportError as error:
        print_error(error, as_json=False)
        return int(error.exit_code)
    return int(ExitCode.DONE)


def _requests(declaration: Declaration, environment: Environment) -> int:
    """What webhooks asked for; a request is gone when it was tried, whatever came of it."""
    if not environment.takes_webhooks:
        raise UsageError(
            f"{environment.name} takes no webhooks.", f"environments.{environment.name}.follow.webhook_secret does it."
        )
    codes = []
    with open_requests(Path(environment.requests_directory)) as requests:
        for request in requests.waiting():
            if request.problem:
                tell(f"{request.file} is no request that could be followed: {request.problem}; it is removed.")
                codes.append(int(ExitCode.FAILED))
            elif not follows(environment, request.branch):
                tell(nobody_follows(request.branch, [environment]))
                codes.append(int(ExitCode.REFUSED))
            else:
                remote = remote_of(environment)
                codes.append(_try(declaration, environment, request.branch, remote, "webhook", request.commit))
            requests.remove(request)
    return max(codes, default=int(ExitCode.DONE))


def _poll(declaration: Declaration, arguments: Namespace) -> int:
    names: Iterable[str] = arguments.environments or declaration.environments
    chosen = [declaration.environment(name) for name in names]
    following = [one for one in chosen if one.follow.branches]
    if not following:
        raise UsageError(
            "No environment that is asked for follows a branch.", "environments.ENV.follow names branches."
        )
    return max(_poll_one(declaration, one) for one in following)


def _poll_one(declaration: Declaration, environment: Environment) -> int:
    repository, remote = repository_of(environment), remote_of(environment)
    heads, tried = repository.heads(remote), read_tried(environment)
    on = repository.branch()
    stands = {on: repository.head()} if on is not None and environment.service.checkout is not None else {}
    news = find_news(environment, heads, tried, stands)
    if not tried:
        Path(environment.journal_directory).mkdir(parents=True, exist_ok=True)
        new = dict(news)
        note_tried(environment, {branch: commit for branch, commit in heads.items() if branch not in new})
    if not news:
        say(f"{environment.name}: nothing new in {', '.join(environment.follow.branches)} of {remote}.")
    return max((_try(declaration, environment, branch, remote, "poll") for branch, _ in news), default=0)
