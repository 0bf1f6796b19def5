"""What restores and syncs do to the database of an environment whose data are in one, as steps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Final

from homeport.environments.steps import Step, step_kind

_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


def label(kept: PurePosixPath, data: PurePosixPath) -> str:
    """Ends the name of a database that is kept with a directory: ``before_restore_20261002t061500z``.

    Args:
        kept: where the data directory lies then, beside ``data``.
        data: where it lay.
    """
    return _NOT_IN_NAMES.sub("_", kept.name.removeprefix(f"{data.name}.").lower())


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
        onto_empty: whether that one must be empty.
    """

    environment: str
    data: PurePosixPath
    incoming: PurePosixPath
    served: PurePosixPath
    label: str
    onto_empty: bool = False

    def __str__(self) -> str:
        return (
            f"put the database of {self.incoming} in place of that of {self.environment}, which is kept ({self.label})"
        )


@step_kind
@dataclass(frozen=True, slots=True)
class ReturnDatabase(Step):
    """What :class:`ExchangeDatabase` kept is the environment's database again."""

    environment: str
    data: PurePosixPath
    incoming: PurePosixPath
    served: PurePosixPath
    label: str

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


@step_kind
@dataclass(frozen=True, slots=True)
class OwnScratches(Step):
    """Nothing now; taken back, which is after all later steps were, no scratch database is left of them.

    It is for databases that are not the declared one of the environment that is changed: who heals sweeps that alone.

    Attributes:
        environment: beside whose database they are.
        url: of the database, where it is not the declared one.
        password_file: for that.
    """

    environment: str
    url: str | None = None
    password_file: str | None = None

    def __str__(self) -> str:
        return "leave no scratch database behind, should it fail"


@step_kind
@dataclass(frozen=True, slots=True)
class SweepScratches(Step):
    """No scratch database that nobody has is left beside a database; see :class:`OwnScratches`."""

    reversible: ClassVar[bool] = False
    environment: str
    url: str | None = None
    password_file: str | None = None

    def __str__(self) -> str:
        return "drop the scratch databases that are left over"


@step_kind
@dataclass(frozen=True, slots=True)
class ConvertData(Step):
    """The snapshot in ``work/data`` is of the other kind: in a database, or in a file; every row is compared.

    Attributes:
        environment: whose data.
        work: a directory that :class:`Scratch` made.
        url: of the database that is to take the data; None for a file.
        password_file: for it.
        first: whether it is only tried: the server still runs, and the data go on changing.
    """

    environment: str
    work: PurePosixPath
    url: str | None
    password_file: str | None = None
    first: bool = False

    def __str__(self) -> str:
        verb = "try to bring" if self.first else "bring"
        return f"{verb} the copy into {'a file' if self.url is None else 'a database'}, and compare every row"
