"""What is wrong with a declaration: every fault at once, each with its path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from homeport.errors import UsageError


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where: ``environments.production.http_port: 3446 is development's``."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


class DeclarationError(UsageError):
    """A declaration that cannot be used. ``faults`` has every fault of it, in the order of the file."""

    code: ClassVar[str] = "declaration"

    def __init__(self, file: str, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        only = len(self.faults) == 1
        super().__init__(
            f"{file}: {self.faults[0]}" if only else f"{file} has {len(self.faults)} faults:",
            "homeport config docs shows every setting with its default.",
            file=file,
            faults=[{"path": fault.path, "text": fault.text} for fault in self.faults],
        )
