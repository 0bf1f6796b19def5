"""A git checkout: where it stands, where its remote stands, and how it gets there without losing anything."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection
from glob import escape
from pathlib import Path, PurePosixPath
from typing import Final

from homeport.environments.environment import Environment
from homeport.errors import GuardError, HomeportError, UsageError
from homeport.host.commands import Finished, run_command

_SECONDS: Final = 60.0
_FETCH_SECONDS: Final = 300.0
_TAKEN_OUT: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"})
"""Variables that would have git look at another repository than the directory's."""


class Checkout:
    """A checkout on this machine.

    Args:
        directory: its top.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def head(self) -> str:
        """The commit that is checked out.

        Raises:
            HomeportError: it is no checkout, or has no commit.
        """
        return self._demand("rev-parse", "--verify", "HEAD^{commit}")

    def branch(self) -> str | None:
        """The branch that is checked out; None where none is."""
        done = self._git("symbolic-ref", "--quiet", "--short", "HEAD")
        return done.output.strip() if done.code == 0 else None

    def changed(self) -> list[str]:
        """Tracked files that differ from the commit; files that git does not know are nobody's business here."""
        lines = self._git("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")
        self._check(lines, "status")
        return [line[3:] for line in lines.output.splitlines()]

    def demand_unchanged(self) -> None:
        """Nothing that a person wrote may be lost.

        Raises:
            GuardError: a tracked file differs from the commit.
        """
        changed = self.changed()
        if changed:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise GuardError(
                f"{self.directory} has changes that are not committed: {changed[0]}{more}.",
                f"Commit or stash them (git -C {self.directory} status), then try again.",
                changed=changed[:50],
            )

    def ignored(self, paths: Collection[PurePosixPath]) -> set[PurePosixPath]:
        """Those of some paths that git is told to ignore; none where it cannot say."""
        given = "\0".join(str(path) for path in paths)
        done = self._git("check-ignore", "-z", "--stdin", given=given)
        return {PurePosixPath(one) for one in done.output.split("\0") if one} if done.code == 0 else set()

    def fetch(self, branch: str) -> str:
        """Gets the remote's branch, and answers its commit. Only what git keeps for itself changes.

        Raises:
            HomeportError: the remote does not answer, or has no such branch.
        """
        self._demand(
            "fetch", "--quiet", "--no-tags", self._remote(branch), f"refs/heads/{branch}", seconds=_FETCH_SECONDS
        )
        return self._demand("rev-parse", "--verify", "FETCH_HEAD^{commit}")

    def fetch_from(self, remote: str, branch: str) -> str:
        """Gets a branch of any repository, and answers its commit. Only what git keeps for itself changes.

        Raises:
            HomeportError: the repository does not answer, or has no such branch.
        """
        ref = f"refs/heads/{branch}"
        self._demand("fetch", "--quiet", "--no-tags", "--end-of-options", remote, ref, seconds=_FETCH_SECONDS)
        return self._demand("rev-parse", "--verify", "FETCH_HEAD^{commit}")

    def heads(self, remote: str) -> dict[str, str]:
        """The branches of any repository, and the commit of each.

        Raises:
            HomeportError: the repository does not answer.
        """
        said = self._demand("ls-remote", "--heads", "--end-of-options", remote, seconds=_FETCH_SECONDS)
        pairs = (line.split("\t", 1) for line in said.splitlines())
        return {ref.removeprefix("refs/heads/"): commit for commit, ref in pairs}

    def find(self, ref: str) -> str | None:
        """The commit of a ref of its own; None where there is none."""
        done = self._git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return done.output.strip() if done.code == 0 else None

    def set_ref(self, ref: str, commit: str) -> None:
        """Has a ref of its own be at a commit."""
        self._demand("update-ref", ref, commit)

    def is_within(self, commit: str, later: str) -> bool:
        """Whether one commit is another one, or comes before it."""
        return self._git("merge-base", "--is-ancestor", commit, later).code == 0

    def announced(self, branch: str) -> str:
        """The commit of the remote's branch, asked without getting anything.

        Raises:
            HomeportError: as :meth:`fetch`.
        """
        remote = self._remote(branch)
        said = self._demand("ls-remote", "--exit-code", remote, f"refs/heads/{branch}", seconds=_FETCH_SECONDS)
        return said.split()[0]

    def is_behind(self, commit: str) -> bool:
        """Whether a commit that was fetched follows from the one that is checked out."""
        return self._git("merge-base", "--is-ancestor", "HEAD", commit).code == 0

    def go_to(self, commit: str, branch: str = "") -> None:
        """Has the branch and its files be at a commit; what a person changed is kept, or it is refused.

        Args:
            commit: its whole name.
            branch: to be on then; empty for the one that is checked out.

        Raises:
            HomeportError: a file that a person changed, or that git does not know, is in the way.
        """
        before = self.head()
        if branch and branch != self.branch():
            self._demand("checkout", "--quiet", "--no-track", "-B", branch, commit)
        else:
            self._demand("reset", "--quiet", "--keep", commit)
        self._forget_compiled(before, commit)
        changed = self.changed()
        if changed:
            raise HomeportError(
                f"{self.directory} is at {commit[:12]}, but {changed[0]} differs from it.",
                f"git -C {self.directory} status shows more.",
            )

    def installed(self) -> str:
        """What :meth:`note_installed` noted last; empty for nothing."""
        try:
            return self._note().read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def note_installed(self, what: str) -> None:
        """Remembers what is installed, inside git's own directory; an empty text forgets it."""
        if what:
            self._note().write_text(what, encoding="utf-8")
        else:
            self._note().unlink(missing_ok=True)

    def _forget_compiled(self, before: str, after: str) -> None:
        """Removes what Python compiled of files that have just changed.

        It takes what it compiled for that of a file of the same size that was last changed in the same second, and one
        that was changed and changed back may be both: the other commit would run.
        """
        names = self._demand("diff", "--name-only", "--no-renames", "-z", before, after, "--", "*.py")
        for path in (self.directory / name for name in names.split("\0") if name):
            for compiled in path.parent.glob(f"__pycache__/{escape(path.stem)}.*.pyc"):
                compiled.unlink(missing_ok=True)

    def _note(self) -> Path:
        return self.directory / self._demand("rev-parse", "--git-path", "homeport-installed")

    def _remote(self, branch: str) -> str:
        done = self._git("config", "--get", f"branch.{branch}.remote")
        return done.output.strip() or "origin"

    def _demand(self, *arguments: str, seconds: float = _SECONDS) -> str:
        done = self._git(*arguments, seconds=seconds)
        self._check(done, shlex.join(arguments))
        return done.output.strip()

    def _check(self, done: Finished, what: str) -> None:
        if done.code != 0:
            said = f": {done.last_words}" if done.last_words else f", with exit code {done.code}"
            raise HomeportError(f"git {what} in {self.directory} failed{said}")

    def _git(self, *arguments: str, seconds: float = _SECONDS, given: str | None = None) -> Finished:
        variables = {name: value for name, value in os.environ.items() if name not in _TAKEN_OUT}
        # It must never wait for somebody who types.
        variables |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        command = ["git", "-C", str(self.directory), *arguments]
        return run_command(command, seconds=seconds, given=given, environment=variables)


def find_target(environment: Environment, *, only_look: bool = False) -> tuple[str, str]:
    """The commit that an environment's checkout is at, and the one to bring it to.

    Args:
        environment: whose.
        only_look: ask the remote, and get nothing from it.

    Raises:
        UsageError: the environment has no checkout.
        GuardError: it is on another branch, was changed by a person, or has commits that the remote lacks.
        HomeportError: it is no checkout, or the remote does not answer.
    """
    if environment.service.checkout is None:
        raise UsageError(
            f"{environment.name} runs from no git checkout.", f"Declare one: environments.{environment.name}.checkout."
        )
    checkout = Checkout(Path(environment.service.checkout))
    head, on = checkout.head(), checkout.branch()
    branch = environment.service.branch or on
    if branch is None or on != branch:
        raise GuardError(
            f"{checkout.directory} is on {on or 'no branch'}, not on {branch or 'one'}.",
            f"git -C {checkout.directory} switch {branch or 'BRANCH'}",
        )
    checkout.demand_unchanged()
    if only_look:
        return head, checkout.announced(branch)
    target = checkout.fetch(branch)
    if not checkout.is_behind(target):
        raise GuardError(
            f"{branch} in {checkout.directory} cannot be brought forward: it has commits that its remote lacks.",
            f"git -C {checkout.directory} log {target[:12]}..HEAD shows them; push them, or go back to the remote's.",
        )
    return head, target
