"""Which program units run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Program:
    """How ``homeport`` is called on the machine.

    Attributes:
        words: absolute program and its first arguments.
        file: the declaration, absolute.
        reads: what the program must be able to read besides the declaration: its installation.
        installed: the directory of the Python environment that this process runs in; what an environment with releases
            serves before it has one.
    """

    words: tuple[str, ...]
    file: PurePosixPath
    reads: tuple[PurePosixPath, ...] = ()
    installed: PurePosixPath | None = None

    def command(self, *arguments: str) -> tuple[str, ...]:
        """``homeport ARGUMENTS`` with the declaration named."""
        return (*self.words, *arguments, "--config", str(self.file))
