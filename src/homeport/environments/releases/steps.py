"""Steps that build, try and exchange releases; carried out by :mod:`homeport.host.releases.hands`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.environments.releases.release import State
from homeport.environments.services.steps import HEALTH_SECONDS
from homeport.environments.steps import Step, step_kind

WATCH_SECONDS = 10.0
"""How long a release must go on being well before it is believed, where nobody says otherwise."""


@step_kind
@dataclass(frozen=True, slots=True)
class BuildRelease(Step):
    """A release that stands under its name, complete and unable to change.

    Attributes:
        environment: whose.
        release: its id.
        source: the repository.
        commit: the whole name; of a dirty release that of an object that holds the changes too.
        by: who asked for it.
        why: what that person says of it.
        dirty: whether it holds changes that are in no commit.
        base: of a dirty release, the commit that was changed; else the same as ``commit``.
    """

    environment: str
    release: str
    source: PurePosixPath
    commit: str
    by: str
    why: str = ""
    dirty: bool = False
    base: str = ""

    def __str__(self) -> str:
        changes = ", with changes that are in no commit" if self.dirty else ""
        return f"build the release {self.release} of {self.environment} from {self.source}{changes}"


@step_kind
@dataclass(frozen=True, slots=True)
class FailRelease(Step):
    """A release that did not come up: what is half built of it is gone, and its record says that it failed."""

    build: BuildRelease

    def __str__(self) -> str:
        return f"note that the release {self.build.release} of {self.build.environment} failed"


@step_kind
@dataclass(frozen=True, slots=True)
class RehearseRelease(Step):
    """A copy of the data, brought to the release's schema, on which its server answered; gone again.

    Attributes:
        environment: whose data.
        release: its id.
        scratch: the directory that it happens in, made for it.
        socket: where that server answers; short, as sockets must be.
        unit: the transient unit, without ``.service``, that it runs as, in the sandbox of the environment's own; empty
            where that is a plain process.
        data: what is copied instead of the data of the environment: those that are to take their place.
        blind: whether the release that serves does not know the data as they are, and cannot copy them.
    """

    environment: str
    release: str
    scratch: PurePosixPath
    socket: PurePosixPath
    unit: str = ""
    data: PurePosixPath | None = None
    blind: bool = False

    def __str__(self) -> str:
        what = f"the data of {self.environment}" if self.data is None else self.data
        where = ", in the sandbox of its unit" if self.unit else ""
        return f"rehearse {self.release} on a copy of {what}{where}"


@step_kind
@dataclass(frozen=True, slots=True)
class ClearRehearsal(Step):
    """Nothing is left of a rehearsal."""

    scratch: PurePosixPath
    unit: str = ""

    def __str__(self) -> str:
        return f"remove what the rehearsal left at {self.scratch}"


@step_kind
@dataclass(frozen=True, slots=True)
class KeepDataAside(Step):
    """Where the release would migrate the data, a copy of them as they are, made while no server runs.

    Taken back, the data are that copy again, provided that nothing was stored in them since.

    Attributes:
        environment: whose data.
        release: its id.
        aside: where the copy lies.
    """

    environment: str
    release: str
    aside: PurePosixPath

    def __str__(self) -> str:
        return f"keep a copy of the data of {self.environment} as they are, should {self.release} migrate them"


@step_kind
@dataclass(frozen=True, slots=True)
class PutDataBack(Step):
    """The data are those that were kept aside."""

    environment: str
    aside: PurePosixPath

    def __str__(self) -> str:
        return f"put the data of {self.environment} back that were kept at {self.aside}"


@step_kind
@dataclass(frozen=True, slots=True)
class DemandNothingLost(Step):
    """Going back to the data that were kept aside loses no write that was acknowledged since.

    Attributes:
        environment: whose data.
        release: which can read them as they are now.
        aside: where the copy lies.
        position: the last event that the data had when the release began to serve them; None where that is the last
            one of those that were kept.
        note: where stands what data that are not Homeport's were when the release was first well on them.
    """

    environment: str
    release: str
    aside: PurePosixPath
    position: int | None = None
    note: PurePosixPath | None = None

    def __str__(self) -> str:
        return f"make sure that going back loses nothing that {self.environment} has stored"


@step_kind
@dataclass(frozen=True, slots=True)
class MeasureServer(Step):
    """How the server does that serves: the next one is compared with it. Changes nothing."""

    environment: str

    def __str__(self) -> str:
        return f"measure how the server of {self.environment} does, to compare the next one with it"


@step_kind
@dataclass(frozen=True, slots=True)
class HandOver(Step):
    """A release serves in one slot of the unit, and the other slot has it too; nobody was refused meanwhile.

    It is started beside the one that serves, which ends when the next is ready. Where the two cannot live with one
    schema, none runs while the data are brought to the next, a copy of them is kept aside, and who connects waits.

    Attributes:
        environment: whose server.
        release: its id; empty for what is none, as Homeport was installed.
        target: the directory that it runs from.
        aside: where the data are kept before a migration.
        seconds: until it is ready.
        back: whether this takes another one back: data that were kept aside are put back.
        demand_health: whether it must be healthy; not where it was not before.
        data: what takes the place of the data, which are kept aside; None where the data stay, or are migrated.
        position: the last event in that.
    """

    environment: str
    release: str
    target: PurePosixPath
    aside: PurePosixPath
    seconds: float = HEALTH_SECONDS
    back: bool = False
    demand_health: bool = True
    data: PurePosixPath | None = None
    position: int | None = None

    def __str__(self) -> str:
        verb = "hand the server of" if not self.back else "give the server of"
        what = f", with {self.data} in place of the data" if self.data is not None else ""
        return f"{verb} {self.environment} {'back ' if self.back else 'over '}to {self.release or self.target}{what}"


@step_kind
@dataclass(frozen=True, slots=True)
class AwaitRelease(Step):
    """The server that runs is this release, is well, and stays so for a while.

    Attributes:
        environment: whose server.
        release: its id.
        seconds: until it is well.
        watch: seconds that it is watched from then on.
        aside: where data lie that were kept before a migration, if there was one.
        position: see :class:`DemandNothingLost`.
        note: see there; it is written here.
    """

    environment: str
    release: str
    aside: PurePosixPath
    seconds: float = HEALTH_SECONDS
    watch: float = WATCH_SECONDS
    position: int | None = None
    note: PurePosixPath | None = None

    def __str__(self) -> str:
        within = f"within {self.seconds:.0f} seconds"
        return f"see that {self.release} is healthy {within}, and stays so for {self.watch:.0f}"


@step_kind
@dataclass(frozen=True, slots=True)
class MarkRelease(Step):
    """What the record of a release says of it.

    Attributes:
        environment: whose.
        release: its id.
        state: of it.
        reason: why.
        backup: the id of the backup before it; None leaves it as it is.
    """

    environment: str
    release: str
    state: State
    reason: str = ""
    backup: str | None = None

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"note that {self.release} is {self.state}{why}"
