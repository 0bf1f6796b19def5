"""Steps that run migrations on a copy of data; carried out by :mod:`homeport.host.migrations.hands`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.environments.backups.data_steps import DATA
from homeport.environments.steps import Step, step_kind


@step_kind
@dataclass(frozen=True, slots=True)
class CopyWhole(Step):
    """``work/data`` is a copy of an environment's data as they are now, in which nothing is missing.

    Attributes:
        environment: whose data, which are only read.
        work: a directory that :class:`Scratch` made.
    """

    environment: str
    work: PurePosixPath

    def __str__(self) -> str:
        return f"copy the data of {self.environment} to {self.work / DATA}"


@step_kind
@dataclass(frozen=True, slots=True)
class MigrateCopy(Step):
    """The copy in ``work/data`` has what the release of an environment demands of data, verified.

    Attributes:
        environment: whose data.
        work: a directory that :class:`Scratch` made.
        pending: what is run, for those who read the plan.
        first: whether it is only tried: the server still runs, and the data go on changing.
        release: the id of the release whose migrations they are; empty for the one that serves.
    """

    environment: str
    work: PurePosixPath
    pending: tuple[str, ...]
    first: bool = False
    release: str = ""

    def __str__(self) -> str:
        verb = "try" if self.first else "run"
        return f"{verb} {', '.join(self.pending)} on the copy, and verify it"


@step_kind
@dataclass(frozen=True, slots=True)
class MigrateData(Step):
    """The data of an environment are of a release's schema, in their place; no server has them open.

    It is one transaction. What takes it back is what kept them before.

    Attributes:
        environment: whose data.
        release: the id of the release that migrates them.
    """

    environment: str
    release: str

    def __str__(self) -> str:
        return f"bring the data of {self.environment} to the schema of {self.release}, where that is another"
