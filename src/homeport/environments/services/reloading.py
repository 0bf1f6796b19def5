"""What counts as a change of a server's source, and what is said of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from pathlib import PurePosixPath
from typing import Final

from homeport.contract import LogFormat
from homeport.environments.environment import Environment

_CACHES: Final = frozenset(
    {
        *(".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".pytest_cache"),
        *(".ruff_cache", ".hypothesis", ".tox", ".nox", ".cache", ".idea", ".vscode"),
    }
)
_LEFTOVERS: Final = (".pyc", ".pyo", ".swp", ".swx", ".tmp", ".log", "~")
"""How the names end of what editors and interpreters write beside the source."""
_VIM: Final = "4913"
"""A file that vim makes and removes to see whether it may."""


def kept_apart(environments: Collection[Environment], watched: PurePosixPath) -> frozenset[PurePosixPath]:
    """What environments write themselves, as far as it may lie in a checkout: no change of it is one of the source."""
    found = {
        path
        for one in environments
        for path in (*one.directories, one.releases_directory, one.pid_file, one.end_file, one.reload_file)
    }
    return frozenset(path for path in found if path.is_relative_to(watched) and path != watched)


def is_source(path: PurePosixPath, watched: PurePosixPath, apart: Collection[PurePosixPath]) -> bool:
    """Whether a changed path may be part of what the server is made of.

    Args:
        path: absolute.
        watched: the directory that is looked at.
        apart: see :func:`kept_apart`.
    """
    if not path.is_relative_to(watched) or any(path.is_relative_to(place) for place in apart):
        return False
    parts = path.relative_to(watched).parts
    if _CACHES & set(parts):
        return False
    name = path.name
    return not (name.endswith(_LEFTOVERS) or name.startswith((".#", "#")) or name == _VIM)


def told(environment: Environment, at: datetime, level: str, text: str, form: LogFormat) -> str:
    """A line for the server's log, in the form that the server's own lines have."""
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    if form == "json":
        line = {"time": stamp, "level": level, "environment": environment.name, "event": "reload", "text": text}
        return json.dumps(line, ensure_ascii=False)
    return f"{stamp} {environment.name} {level} reload: {' '.join(text.split())}"


def named(paths: Collection[PurePosixPath], watched: PurePosixPath) -> str:
    """What changed, in a few words."""
    names = sorted(str(path.relative_to(watched)) for path in paths)
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}" if names else "something"
