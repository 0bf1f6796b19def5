"""The port to whatever migrates an environment's data: the release's own program, or declared scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from homeport.environments.migrations.pending import Finding, Ran, Standing


class Migrator(Protocol):
    """Knows which migrations there are for data, and runs them."""

    def look(self, directory: Path) -> Standing:
        """How data stand; they may be live, and are only read.

        Raises:
            HomeportError: nobody can tell.
        """

    def run(self, copy: Path) -> Ran:
        """Runs what is pending on a copy that nobody else has open, and verifies it.

        Raises:
            HomeportError: it failed, or did not leave what it must, and then ``findings`` of its details say what; the
                copy is to be thrown away.
        """

    def verify(self, directory: Path) -> list[Finding]:
        """What is not as the migrations that ran must have left it. Data may be live, and are only read.

        Raises:
            HomeportError: nobody can tell.
        """
