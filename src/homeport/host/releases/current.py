"""Which release serves, and what runs it."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath

from homeport.environments.environment import Environment
from homeport.host.data.program import current_release


def python_of(environment: Environment, release: str | None = None) -> PurePosixPath:
    """The interpreter of a release of Homeport's own, or else the one that this process runs in.

    The release's own directory is named, and never the link to it: a server that still runs from the one before would
    get code of the next, should it load a module late.

    Args:
        environment: whose.
        release: its id; the one that serves by default.
    """
    chosen = release or current_release(environment)
    own = environment.releases_directory / chosen / "bin" / "python" if chosen is not None else None
    return own if own is not None and Path(own).exists() else PurePosixPath(sys.executable)


def program_of(environment: Environment, declaration: Path, release: str) -> tuple[str, ...]:
    """The arguments that run the ``homeport`` of a release, with the declaration.

    Args:
        environment: whose.
        declaration: its file, absolute.
        release: its id; there must be one.
    """
    own = environment.releases_directory / release / "bin" / "python"
    # -P keeps a directory called homeport in the working directory from being taken for the package.
    return (str(own), "-P", "-m", "homeport", "--config", str(declaration))
