"""What an operation is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from homeport.coordination.store import Records
from homeport.coordination.values import IdSource, JsonObject, Millis
from homeport.operations.budget import LIST_COST


class Arguments(BaseModel):
    """Base of all argument models: unknown arguments are refused, types are not guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Mutation(Arguments):
    """Arguments of an operation that changes something.

    A call that is repeated with the same ``idempotency_key`` gets the first answer, and is done once.
    """

    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the operations work: shown by bootstrap and get_server_status."""

    environment: str
    version: str
    data_directory: str
    started_at: Millis
    release: str | None = None
    origin: JsonObject | None = None
    """Where the data came from, if from another environment."""
    rehearsal: bool = False
    """Whether it is a trial on a copy of data."""


@dataclass(frozen=True, slots=True)
class Call:
    """What work may know besides its arguments.

    ``operations`` is the size of the catalogue, ``listed`` how many of it are listed as tools; ``speaks_as`` is the one
    instance that the caller's token is bound to, if it is. ``budget`` is what a list may cost, in bytes of JSON.
    """

    now: Millis
    ids: IdSource
    place: Place
    schema_version: str
    operations: int
    listed: int
    speaks_as: str | None = None
    budget: int = LIST_COST


_ACTOR_NAMES: Final = ("instanceId", "instance_id")

Work = Callable[[Records, Any, Call], JsonObject]
Kind = Literal["read", "scan", "write", "wait"]


@dataclass(frozen=True, slots=True)
class Http:
    """Where the JSON API offers the operation. Path parameters are ``{argument}``."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        name: the tool's name.
        summary: one or two sentences for the tool list, the API's document and people.
        arguments: the model of its arguments.
        work: does it, in a transaction; must have no effect but on the records.
        kind: ``read`` short, ``scan`` possibly long, ``write`` changes something, ``wait`` is a read that is
            repeated until :attr:`ready`, or the time is over.
        http: its place in the JSON API.
        actor: the argument that names the acting instance: such a call is a sign of life.
        answer: JSON schema of the answer's properties.
        listed: whether ``tools/list`` names it; the others can be called all the same.
        ready: for ``wait``: whether the answer is worth giving now.
        destructive: whether it can remove something for good.
        long: for ``read``: whether a call with these arguments may take long after all.
        needs: the scope that a caller must have, where it is not the one that :attr:`kind` asks for.
    """

    name: str
    summary: str
    arguments: type[Arguments]
    work: Work
    kind: Kind
    http: Http
    actor: str | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)
    listed: bool = True
    ready: Callable[[JsonObject], bool] | None = None
    destructive: bool = False
    long: Callable[[Any], bool] | None = None
    needs: Literal["admin"] | None = None

    @property
    def scope(self) -> Literal["read", "write", "admin"]:
        """The scope that a caller must have."""
        return self.needs or ("write" if self.kind == "write" else "read")

    @property
    def actor_names(self) -> tuple[str, ...]:
        """The names under which :attr:`actor` can be given, the public one first; none where nobody acts."""
        if self.actor is None:
            return ()
        alias = self.arguments.model_fields[self.actor].alias
        return (alias, self.actor) if alias else (self.actor,)

    def with_actor(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments with the acting instance under its own name here.

        The earlier server calls it ``instanceId`` here, ``reader_id`` or ``from`` there: whoever says
        ``instanceId`` is understood everywhere.
        """
        names = self.actor_names
        said = [name for name in _ACTOR_NAMES if name in given and name not in names]
        if not names or len(said) != 1 or any(name in given for name in names):
            return given
        return {names[0] if name == said[0] else name: value for name, value in given.items()}
