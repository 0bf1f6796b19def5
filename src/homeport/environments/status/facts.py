"""What was seen of one environment, before anybody judges it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from homeport.contract import BackupRecord
from homeport.environments.environment import Environment
from homeport.environments.services.health import HealthAnswer
from homeport.environments.services.state import ServiceState
from homeport.environments.unresolved import Unresolved


@dataclass(frozen=True, slots=True)
class OpenOperation:
    """An operation that runs, or that a run which was killed left open.

    Attributes:
        id: in the journal.
        operation: the command's name.
        begun_at: RFC 3339.
        holder: the process that carries it out now; None where none does.
        is_stuck: whether it could be neither finished nor undone.
    """

    id: str
    operation: str
    begun_at: str
    holder: str | None
    is_stuck: bool

    def as_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "operation": self.operation,
            "begun_at": self.begun_at,
            "holder": self.holder,
            "stuck": self.is_stuck,
        }


@dataclass(frozen=True, slots=True)
class DataOrigin:
    """Whose data an environment's were before, and when they were as they came; RFC 3339, where that is known."""

    environment: str
    at: str | None

    def as_json(self) -> dict[str, object]:
        return {"environment": self.environment, "at": self.at}


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFacts:
    """All that one look at an environment brought.

    Attributes:
        environment: as declared.
        at: when it was looked at.
        exists: whether its directory is there.
        state: of its server; None where the service manager did not answer.
        health: what its server says.
        declared_version: of the program that would be started.
        declared_release: what the link to the current release names; None where there is none.
        data_bytes: the size of its data; None where this user may not see it, or there are none, or in a database.
        backups: what is proven of its backups; None where nothing is recorded.
        origin: where its data came from, if from another environment.
        drift: where the machine is not as it was provisioned, a sentence each; None where it never was provisioned, or
            that cannot be seen.
        operation: what is being done to it, or was left half done.
        unresolved: operations that came to no good end.
        unseen: what could not be looked at and why, a sentence each.
    """

    environment: Environment
    at: datetime
    exists: bool
    state: ServiceState | None
    health: HealthAnswer
    declared_version: str
    declared_release: str | None = None
    data_bytes: int | None = None
    backups: BackupRecord | None = None
    origin: DataOrigin | None = None
    drift: tuple[str, ...] | None = None
    operation: OpenOperation | None = None
    unresolved: tuple[Unresolved, ...] = ()
    unseen: tuple[str, ...] = ()
