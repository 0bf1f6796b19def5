"""Branches that environments follow: which push, poll or webhook concerns which environment. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from homeport.contract.pushes import BRANCH_NAME, is_followed
from homeport.environments.environment import Environment

_LINE: Final = re.compile(r"([0-9a-f]{40,64}) ([0-9a-f]{40,64}) (refs/\S+)")
_BRANCH: Final = re.compile(BRANCH_NAME)
_HEADS: Final = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Update:
    """One ref that a push has moved.

    Attributes:
        ref: its whole name.
        before: the commit that it had; zeros for none.
        after: the commit that it has; zeros where it is gone.
    """

    ref: str
    before: str
    after: str

    @property
    def branch(self) -> str | None:
        """None for a tag or another ref."""
        return self.ref.removeprefix(_HEADS) if self.ref.startswith(_HEADS) else None

    @property
    def is_gone(self) -> bool:
        return not self.after.strip("0")


def parse_updates(text: str) -> list[Update]:
    """What git tells a post-receive hook on its standard input; a line that is none of git's is left out."""
    found = (_LINE.fullmatch(line) for line in text.splitlines())
    return [Update(ref=one[3], before=one[1], after=one[2]) for one in found if one is not None]


def follows(environment: Environment, branch: str) -> bool:
    """Whether a branch is brought to an environment by itself; one that git could take for an option never is."""
    return _BRANCH.fullmatch(branch) is not None and is_followed(branch, environment.follow.branches)


def followers(environments: Iterable[Environment], branch: str) -> list[Environment]:
    """The environments that follow a branch."""
    return [one for one in environments if follows(one, branch)]


def find_news(
    environment: Environment, heads: Mapping[str, str], tried: Mapping[str, str], stands: Mapping[str, str]
) -> list[tuple[str, str]]:
    """The followed branches that have another commit than when they were looked at last.

    Args:
        environment: whose.
        heads: of the remote: branches and their commits.
        tried: what was brought here before, or was tried to; also where it failed: a commit that does not come up is
            tried once.
        stands: the branch that is checked out and its commit, for the first look of all; without tried commits the
            other branches are only noted.
    """
    news = []
    for branch, commit in sorted(heads.items()):
        known = tried.get(branch) or stands.get(branch)
        if follows(environment, branch) and known != commit and (known is not None or bool(tried)):
            news.append((branch, commit))
    return news


def main_branch(environments: Iterable[Environment]) -> str:
    """The branch that a clone of the repository is on: the first that is followed by its name, else main."""
    named = (branch for one in environments for branch in one.follow.branches if "*" not in branch)
    return next(named, "main")


def hook_text(command: Sequence[str]) -> str:
    """The post-receive hook of the repository: what was pushed comes to the command's standard input, never into it."""
    return (
        "#!/bin/sh\n"
        "# Written by homeport repository. What is pushed is brought to the environments that follow its branch.\n"
        f"exec {shlex.join(command)}\n"
    )


def nobody_follows(branch: str, environments: Collection[Environment]) -> str:
    """That a pushed branch goes nowhere, and which would go where."""
    known = [f"{one.name} follows {', '.join(one.follow.branches)}" for one in environments if one.follow.branches]
    return f"{branch} is kept, and no environment follows it ({'; '.join(known) or 'none follows any'})."
