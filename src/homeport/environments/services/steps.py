"""Steps that stop and start an environment's server; carried out by :mod:`homeport.host.hands.services`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.environments.services.state import shown_command
from homeport.environments.steps import Step, step_kind

HEALTH_SECONDS = 60.0
"""How long a server may take until it answers, where nobody says otherwise."""


@step_kind
@dataclass(frozen=True, slots=True)
class StopServer(Step):
    """The environment's server does not run; taken back by starting it, where it ran."""

    environment: str

    def __str__(self) -> str:
        return f"stop the server of {self.environment}"


@step_kind
@dataclass(frozen=True, slots=True)
class StartServer(Step):
    """The environment's server runs; taken back by stopping it, where it did not.

    Attributes:
        environment: whose.
        reload: whether it is exchanged whenever its source changes.
    """

    environment: str
    reload: bool = False

    def __str__(self) -> str:
        anew = ", and anew for every change of its source" if self.reload else ""
        return f"start the server of {self.environment}{anew}"


@step_kind
@dataclass(frozen=True, slots=True)
class RestartServer(Step):
    """The environment's server runs anew; taken back by stopping it, since what came before may have changed."""

    environment: str

    def __str__(self) -> str:
        return f"stop the server of {self.environment} and start it anew"


@step_kind
@dataclass(frozen=True, slots=True)
class ComeBack(Step):
    """Nothing now; taken back, which is after all later steps were, the server runs as it ran here.

    Attributes:
        environment: whose.
        seconds: how long that may take.
        renew: whether what runs then hands over to it, since its program may be another one.
    """

    environment: str
    seconds: float = HEALTH_SECONDS
    renew: bool = False

    def __str__(self) -> str:
        return f"come back to the server of {self.environment} as it is now, should a later step fail"


@step_kind
@dataclass(frozen=True, slots=True)
class KeepOne(Step):
    """Of two servers of the environment, of which one was to take over, the one that has the ports runs, alone."""

    environment: str

    def __str__(self) -> str:
        return f"leave the server of {self.environment} to the one that serves"


@step_kind
@dataclass(frozen=True, slots=True)
class RenewServer(Step):
    """The environment's server runs anew in its other slot; the one before serves until that one is ready.

    Where the two cannot have the data open together, since the next one migrates them, who connects waits. Where its
    program was changed, it is taken back by :class:`ComeBack`, once that is the one before again.

    Attributes:
        environment: whose.
        seconds: how long it may take until it is ready.
        demand_health: whether it must be healthy; not where it was not before.
    """

    environment: str
    seconds: float = HEALTH_SECONDS
    demand_health: bool = True

    def __str__(self) -> str:
        return f"start the server of {self.environment} beside the one that runs, which ends when it is ready"


@step_kind
@dataclass(frozen=True, slots=True)
class AwaitHealth(Step):
    """The server that runs answers that it is well, itself and no other; within so many seconds."""

    environment: str
    seconds: float = HEALTH_SECONDS

    def __str__(self) -> str:
        return f"wait until {self.environment} is healthy, at most {self.seconds:.0f} seconds"


@step_kind
@dataclass(frozen=True, slots=True)
class CheckOut(Step):
    """A git checkout whose branch is at this commit, with installed what that commit asks for.

    Attributes:
        directory: of the checkout.
        commit: its whole name.
        install: what is run in it; empty for nothing.
        seconds: how long that may take.
        branch: the branch that is checked out then; empty for the one that is.
    """

    directory: PurePosixPath
    commit: str
    install: tuple[str, ...] = ()
    seconds: float = 900.0
    branch: str = ""

    def __str__(self) -> str:
        run = f" and run {shown_command(self.install)}" if self.install else ""
        of = f" of {self.branch}" if self.branch else ""
        return f"bring {self.directory} to {self.commit[:12]}{of}{run}"
