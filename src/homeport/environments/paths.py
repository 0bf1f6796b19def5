"""Paths of a declaration, without looking at the disk."""

from __future__ import annotations

import os.path
from pathlib import PurePosixPath


def absolute(base: PurePosixPath, path: str) -> PurePosixPath:
    """``path`` from ``base``, without ``.``, ``..`` and double slashes, so that equal paths compare equal."""
    normal = os.path.normpath(base / path)
    # POSIX lets exactly two leading slashes mean something else, and normpath keeps them; Linux does not.
    return PurePosixPath("/" + normal.lstrip("/"))
