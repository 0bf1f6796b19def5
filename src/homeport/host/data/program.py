"""Which program is the release's own ``homeport``: the current release's, or this one where there is no release."""

from __future__ import annotations

import sys
from pathlib import Path

from homeport.environments.environment import Environment
from homeport.environments.releases.release import is_release_id


def release_program(environment: Environment, declaration: Path) -> tuple[str, ...]:
    """The arguments that run ``homeport`` as the environment's server runs, with the declaration.

    Args:
        environment: whose release.
        declaration: its file, absolute.
    """
    checkout = environment.service.checkout
    own = Path(environment.current_release / "bin" if checkout is None else checkout / ".venv" / "bin") / "python"
    python = str(own) if own.exists() else sys.executable
    # -P keeps a directory called homeport in the working directory from being taken for the package.
    return (python, "-P", "-m", "homeport", "--config", str(declaration))


def current_release(environment: Environment) -> str | None:
    """The id of the release that runs; None where there is none, but what Homeport was installed as."""
    link = Path(environment.current_release)
    name = link.readlink().name if link.is_symlink() else ""
    return name if is_release_id(name) else None
