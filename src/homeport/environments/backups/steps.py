"""Making a backup as a step: other operations begin with it."""

from __future__ import annotations

from dataclasses import dataclass

from homeport.environments.steps import Step, step_kind


@step_kind
@dataclass(frozen=True, slots=True)
class MakeBackup(Step):
    """A backup of this id that was read back.

    Attributes:
        environment: of which.
        backup: its id, chosen when the plan was made.
        origin: what it is made for, in a word: ``command``, ``schedule``, ``restore``, ``sync``, ``deploy``, ``adopt``.
        however_broken: whether data that do not pass their examination are kept all the same, as the last there is.
        release: which release makes it, where the one that serves does not know the data as they are; else empty.
    """

    environment: str
    backup: str
    origin: str
    however_broken: bool = False
    release: str = ""

    def __str__(self) -> str:
        return f"make the backup {self.backup} of {self.environment}, and read it back"


@step_kind
@dataclass(frozen=True, slots=True)
class AbandonBackup(Step):
    """An attempt that is over: what it left is gone, and its record says that it failed."""

    environment: str
    backup: str

    def __str__(self) -> str:
        return f"clean up after the attempt to make the backup {self.backup} of {self.environment}"
