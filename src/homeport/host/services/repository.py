"""The bare git repository that people push to, and its hook."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from homeport.errors import GuardError, HomeportError
from homeport.files import write_atomically
from homeport.host.commands import run_command

_HOOK: Final = "hooks/post-receive"


def find_changes(path: Path, hook: str) -> list[str]:
    """What :func:`make_repository` would do, in words; nothing where all is as it should be.

    Raises:
        GuardError: what stands there is no bare repository.
    """
    changes = []
    if not path.exists():
        changes.append(f"make the bare repository {path}")
    elif not _is_bare(path):
        raise GuardError(f"{path} is there, and is no bare git repository.", "Move it away, then try again.")
    file = path / _HOOK
    if not file.exists():
        changes.append(f"write {file}")
    elif file.read_text(encoding="utf-8", errors="replace") != hook:
        changes.append(f"write {file} anew, and keep the one before as {file.name}.before")
    return changes


def make_repository(path: Path, hook: str, branch: str) -> None:
    """Has the repository be there with this hook; one that a person wrote is kept beside it.

    Args:
        path: of it.
        hook: what the post-receive hook is.
        branch: that a clone is on.

    Raises:
        HomeportError: git refused.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Under its name only when it is whole.
        unfinished = path.with_name(f".{path.name}.unfinished")
        done = run_command(["git", "init", "--quiet", "--bare", f"--initial-branch={branch}", str(unfinished)])
        if done.code != 0:
            raise HomeportError(f"git init of {path} failed: {done.last_words}")
        unfinished.rename(path)
    file = path / _HOOK
    before = file.read_text(encoding="utf-8", errors="replace") if file.exists() else hook
    if before != hook:
        write_atomically(file.with_name(f"{file.name}.before"), before, mode=0o644)
    file.parent.mkdir(exist_ok=True)
    write_atomically(file, hook, mode=0o755)


def _is_bare(path: Path) -> bool:
    done = run_command(["git", "-C", str(path), "rev-parse", "--is-bare-repository"])
    return done.code == 0 and done.output.strip() == "true" and (path / "HEAD").is_file()
