"""The git repository that releases are built from; it is read, and never changed."""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from homeport.errors import GuardError, HomeportError, UsageError
from homeport.host.commands import Finished, run_command

_SECONDS: Final = 300.0
_TAKEN_OUT: Final = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"})
"""Variables that would have git look at another repository than the directory's."""
_NOBODY: Final = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "homeport"), ("EMAIL", "homeport@localhost"))
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a release is to be built from.

    Attributes:
        tree: the commit whose files it has.
        commit: that it is called after: the same, or the one that was changed.
        dirty: whether there are changes that no commit has.
    """

    tree: str
    commit: str
    dirty: bool


class Source:
    """A repository, with a work tree or bare.

    Args:
        directory: of it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def find(self, ref: str | None, *, dirty: bool = False) -> Found:
        """The commit to build.

        Args:
            ref: a commit, tag or branch; None for what is checked out.
            dirty: take the changes to tracked files that are in no commit, too.

        Raises:
            UsageError: there is no such commit, or both are asked for.
            GuardError: what is checked out was changed, and that is not asked for.
            HomeportError: it is no repository.
        """
        if not self.directory.is_dir():
            raise HomeportError(f"There is no directory {self.directory}.", "environments.ENV.source names it.")
        if ref is not None and dirty:
            raise UsageError("--dirty builds what is checked out, and --ref a commit.", "Leave one of them out.")
        commit = self.resolve(ref or "HEAD")
        if ref is not None:
            return Found(commit, commit, dirty=False)
        changed = self._changed()
        if not changed:
            return Found(commit, commit, dirty=False)
        if not dirty:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise GuardError(
                f"{self.directory} has changes that are in no commit: {changed[0]}{more}.",
                "Commit them, name what to build with --ref, or build them as they are with --dirty.",
                changed=changed[:50],
            )
        # An object of git's that holds the changes; no branch, index or file is touched.
        return Found(self._demand("stash", "create") or commit, commit, dirty=True)

    def resolve(self, ref: str) -> str:
        """The whole name of a commit.

        Raises:
            UsageError: there is none.
        """
        done = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        if done.code != 0:
            said = f" ({done.last_words})" if done.last_words else ""
            raise UsageError(f"{self.directory} has no commit {ref!r}{said}.", "git log in it shows what there is.")
        return done.output.strip().splitlines()[-1]

    def subject(self, commit: str) -> str:
        """The first line of what was said of a commit."""
        return self._demand("log", "-1", "--format=%s", commit)[:200]

    def subjects(self, before: str, after: str, most: int) -> tuple[int, tuple[str, ...]]:
        """How many commits ``after`` has that ``before`` has not, and the first lines of the newest of them.

        Raises:
            HomeportError: it is no repository, or one of the commits is not in it.
        """
        span = f"{before}..{after}"
        count = int(self._demand("rev-list", "--count", "--end-of-options", span))
        lines = self._demand("log", f"--max-count={most}", "--format=%s", "--end-of-options", span)
        return count, tuple(line[:200] for line in lines.splitlines())

    def names(self, commit: str, directory: PurePosixPath) -> list[str]:
        """The names of what is in a directory of a commit; none where that has no such directory.

        Raises:
            HomeportError: it is no repository.
        """
        listed = self._demand("ls-tree", "-z", "--name-only", commit, "--", f"{directory}/")
        return [name.rpartition("/")[2] for name in listed.split("\0") if name]

    def extract(self, commit: str, target: Path) -> None:
        """Has the files of a commit stand in a directory, which must not exist; its parent must.

        Raises:
            HomeportError: git cannot give them, or one of them would lie outside.
        """
        archive = target.with_name(f"{target.name}.tar")
        try:
            self._demand("archive", "--format=tar", f"--output={archive}", commit)
            target.mkdir()
            with tarfile.open(archive) as packed:
                _unpack(packed, target)
        except (tarfile.TarError, UnicodeError) as error:
            raise HomeportError(f"The files of {commit[:12]} cannot stand in a directory: {error}.") from error
        finally:
            archive.unlink(missing_ok=True)

    def _changed(self) -> list[str]:
        if self._demand("rev-parse", "--is-inside-work-tree") != "true":
            return []
        lines = self._demand("status", "--porcelain", "--untracked-files=no", strip=False)
        return [line[3:] for line in lines.splitlines()]

    def _demand(self, *arguments: str, strip: bool = True) -> str:
        done = self._git(*arguments)
        if done.code != 0:
            raise HomeportError(f"git {arguments[0]} in {self.directory} failed: {done.last_words or done.code}")
        return done.output.strip() if strip else done.output

    def _git(self, *arguments: str) -> Finished:
        variables = {name: value for name, value in os.environ.items() if name not in _TAKEN_OUT}
        # It must never wait for somebody who types.
        variables |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", **_NOBODY}
        return run_command(["git", "-C", str(self.directory), *arguments], seconds=_SECONDS, environment=variables)


def _unpack(packed: tarfile.TarFile, target: Path) -> None:
    """Refuses what would lie or lead outside, also with a Python that has no filters yet (Debian 12's).

    Raises:
        tarfile.TarError: something would.
    """
    if hasattr(tarfile, "data_filter"):
        packed.extractall(target, filter="data")
        return
    for member in packed:
        leads = (PurePosixPath(member.name).parent / member.linkname) if member.issym() else PurePosixPath(member.name)
        if not (member.isreg() or member.isdir() or member.issym()) or _is_outside(leads):
            raise tarfile.ExtractError(f"{member.name!r} would lie or lead outside")
    packed.extractall(target)  # noqa: S202 - each was looked at


def _is_outside(path: PurePosixPath) -> bool:
    place = os.path.normpath(path)
    return place.startswith(("..", "/"))
