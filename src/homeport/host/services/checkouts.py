"""Where git's checkouts begin and end on this machine."""

from __future__ import annotations

from pathlib import Path

from homeport.errors import HomeportError, UsageError
from homeport.host.commands import Finished, run_command
from homeport.host.services.git import Checkout


def find_checkout(path: Path) -> Checkout:
    """The checkout that a person means by a path.

    Raises:
        UsageError: there is none, or the path is not its top; the sentence says what is there.
    """
    if not path.is_dir():
        raise UsageError(f"There is no directory {path}.", "git clone makes a checkout there.")
    top = find_top(path)
    if top is None:
        if _git(path, "rev-parse", "--is-bare-repository").output.strip() == "true":
            raise UsageError(f"{path} is a bare repository: there are no files that a server could run from.", "")
        raise UsageError(f"{path} is no git checkout.", f"git init {path} makes it one; git clone makes one anew.")
    if top != path.resolve():
        raise UsageError(f"{path} lies in the checkout {top}.", f"--checkout {top} is the whole of it.")
    checkout = Checkout(top)
    try:
        checkout.head()
    except HomeportError:
        raise UsageError(f"{path} has no commit yet.", f"git -C {path} commit makes one.") from None
    return checkout


def find_top(path: Path) -> Path | None:
    """The top of the checkout that a path lies in, also where it does not exist yet; None where it lies in none."""
    there = next(one for one in (path, *path.parents) if one.is_dir())
    try:
        done = _git(there, "rev-parse", "--show-toplevel")
    except HomeportError:
        return None  # Without git there are no checkouts.
    return Path(done.output.strip()) if done.code == 0 and done.output.strip() else None


def is_ignored(path: Path, top: Path) -> bool:
    """Whether git is told to ignore a path of a checkout."""
    # A pattern that ends with a slash is of directories alone, and this one may not exist yet.
    return path.resolve() != top and _git(top, "check-ignore", "--quiet", f"{path.resolve()}/").code == 0


def _git(directory: Path, *arguments: str) -> Finished:
    return run_command(["git", "-C", str(directory), *arguments], seconds=60)
