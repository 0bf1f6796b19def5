"""Steps: what a plan is made of. Each is a value that can be printed, compared, written down and read back.

A step says what shall be so afterwards, not what to type: carrying it out a second time changes nothing, which is
what lets a run that was killed be finished or taken back by the next one. :mod:`homeport.host.hands` carries them out.

Paths are absolute. No step holds a secret: plans are printed, and kept in the journal.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import PurePosixPath
from typing import Any, ClassVar, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from homeport.errors import NeedsPersonError


@dataclass(frozen=True, slots=True)
class Step:
    """The base of all steps; ``str(step)`` completes "would …" and "could not …"."""

    reversible: ClassVar[bool] = True
    """Whether it can be taken back; a plan has the others only from where it is finished in any case."""

    def as_json(self) -> dict[str, Any]:
        """The step with its kind, as the journal keeps it and ``--dry-run --json`` prints it."""
        written = _adapter(type(self)).dump_python(self, mode="json")
        return {"step": type(self).__name__, **written}


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who a file is of; names, not numbers, since a plan may make the user that it names."""

    user: str
    group: str

    def __str__(self) -> str:
        return f"{self.user}:{self.group}"


_KINDS: Final[dict[str, type[Step]]] = {}
_ADAPTERS: Final[dict[type[Step], TypeAdapter[Any]]] = {}
S = TypeVar("S", bound=Step)


def step_kind(kind: type[S]) -> type[S]:
    """Makes a class of steps known to :func:`read_step`; its name is its name in the journal, for good.

    Raises:
        ValueError: another kind has that name.
    """
    if kind.__name__ in _KINDS:
        raise ValueError(f"two kinds of steps are called {kind.__name__}")
    _KINDS[kind.__name__] = kind
    return kind


def read_step(written: Mapping[str, Any]) -> Step:
    """The step that :meth:`Step.as_json` wrote.

    Raises:
        NeedsPersonError: this version knows no such step.
    """
    kind = _KINDS.get(str(written.get("step")))
    values = {key: value for key, value in written.items() if key != "step"}
    try:
        if kind is not None and set(values) <= {field.name for field in fields(kind)}:
            step: Step = _adapter(kind).validate_python(values)
            return step
    except ValidationError:
        pass
    raise NeedsPersonError(
        f"The journal has a step that this version of Homeport does not know: {written.get('step')!r}.",
        "Run the version that began it (homeport log names it); it finishes or undoes what it began.",
    )


def _adapter(kind: type[Step]) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


@step_kind
@dataclass(frozen=True, slots=True)
class MakeDirectory(Step):
    """A directory that is there, with those above it; one that stands keeps its mode and owner."""

    path: PurePosixPath
    mode: int = 0o755
    owner: Ownership | None = None

    def __str__(self) -> str:
        return f"make the directory {self.path}"


@step_kind
@dataclass(frozen=True, slots=True)
class RemoveDirectory(Step):
    """An empty directory that is gone; one that holds something stays."""

    path: PurePosixPath

    def __str__(self) -> str:
        return f"remove the directory {self.path}, if it is empty"


@step_kind
@dataclass(frozen=True, slots=True)
class WriteFile(Step):
    """A file with this text, mode and owner."""

    path: PurePosixPath
    text: str
    mode: int = 0o644
    owner: Ownership | None = None

    def __str__(self) -> str:
        return f"write {self.path}"


@step_kind
@dataclass(frozen=True, slots=True)
class RemoveFile(Step):
    """A file or link that is gone."""

    path: PurePosixPath

    def __str__(self) -> str:
        return f"remove {self.path}"


@step_kind
@dataclass(frozen=True, slots=True)
class Link(Step):
    """A symbolic link to a target, put in place in one go."""

    path: PurePosixPath
    target: PurePosixPath

    def __str__(self) -> str:
        return f"link {self.path} to {self.target}"


@step_kind
@dataclass(frozen=True, slots=True)
class Rename(Step):
    """What was at one path is at another of the same file system; nothing may stand there."""

    source: PurePosixPath
    target: PurePosixPath

    def __str__(self) -> str:
        return f"rename {self.source} to {self.target}"


@step_kind
@dataclass(frozen=True, slots=True)
class RemoveTree(Step):
    """A directory that Homeport made itself is gone with all that is in it."""

    reversible: ClassVar[bool] = False
    path: PurePosixPath

    def __str__(self) -> str:
        return f"remove {self.path} and all that is in it"


@step_kind
@dataclass(frozen=True, slots=True)
class Permit(Step):
    """A path that has this mode and owner."""

    path: PurePosixPath
    mode: int
    owner: Ownership | None = None

    def __str__(self) -> str:
        owner = f" and {self.owner} its owner" if self.owner else ""
        return f"make {self.mode:04o} the mode{owner} of {self.path}"


@step_kind
@dataclass(frozen=True, slots=True)
class Run(Step):
    """A command that ends with 0, and may be run twice.

    Attributes:
        command: arguments; never with a secret.
        back: the command that takes it back; empty where nothing is to be taken back.
        seconds: how long it may take.
    """

    command: tuple[str, ...]
    back: tuple[str, ...] = ()
    seconds: float = 120.0

    LONGEST_SHOWN: ClassVar[int] = 400

    def __str__(self) -> str:
        return f"run {shlex.join(self.command)[: self.LONGEST_SHOWN]}"
