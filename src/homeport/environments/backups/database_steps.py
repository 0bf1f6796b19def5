"""What restores and syncs do to the database of an environment whose data are in one, as steps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Final

from homeport.environments.steps import Step, step_kind

_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


def label(what: str, stamp: str) -> str:
    """Ends the name of a database that is kept: ``before_restore_20261002t061500z``."""
    return _NOT_IN_NAMES.sub("_", f"{what}_{stamp}".lower())


@step_kind
@dataclass(frozen=True, slots=True)
class ExchangeDatabase(Step):
    """The database of a copy is the environment's; the one that was is kept. Both are renamed at once, or neither is.

    Attributes:
        environment: whose.
        data: its data directory, which will be exchanged too.
        incoming: the directory of the copy.
        served: where the copy will lie, should a later step fail after a server ran on it.
        label: ends the name of the database that is kept.
    """

    environment: str
    data: PurePosixPath
    incoming: PurePosixPath
    served: PurePosixPath
    label: str

    def __str__(self) -> str:
        return (
            f"put the database of {self.incoming} in place of that of {self.environment}, which is kept ({self.label})"
        )


@step_kind
@dataclass(frozen=True, slots=True)
class ReturnDatabase(Step):
    """What :class:`ExchangeDatabase` kept is the environment's database again; ``had`` says whether there was one."""

    environment: str
    data: PurePosixPath
    incoming: PurePosixPath
    served: PurePosixPath
    label: str
    had: bool

    def __str__(self) -> str:
        return f"give {self.environment} the database back that it had"


@step_kind
@dataclass(frozen=True, slots=True)
class DropDatabase(Step):
    """A database that :class:`ExchangeDatabase` kept is gone: it is superseded, and saved."""

    reversible: ClassVar[bool] = False
    environment: str
    label: str

    def __str__(self) -> str:
        return f"drop the database of {self.environment} that was kept ({self.label})"
