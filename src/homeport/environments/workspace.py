"""The plan that makes a workspace: which directories, and the declaration where there is none yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.environments.environment import Environment


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """A directory that is missing, with those above it."""

    path: PurePosixPath
    private: bool = False
    """Whether only its owner may look into it."""

    def __str__(self) -> str:
        return f"make the directory {self.path}"


@dataclass(frozen=True, slots=True)
class WriteFile:
    """A file that is missing."""

    path: PurePosixPath
    text: str

    def __str__(self) -> str:
        return f"write {self.path}"


Step = MakeDirectory | WriteFile


@dataclass(frozen=True, slots=True)
class WorkspacePlan:
    """What is to be made, in order. Nothing that exists is ever changed."""

    steps: tuple[Step, ...]

    def as_json(self) -> list[dict[str, str]]:
        return [{"step": type(step).__name__, "path": str(step.path)} for step in self.steps]


def plan_workspace(
    file: PurePosixPath,
    text: str | None,
    environments: Iterable[Environment],
    exists: Callable[[PurePosixPath], bool],
) -> WorkspacePlan:
    """Decides what is missing.

    Args:
        file: the declaration.
        text: what to write into it; None where it exists.
        environments: whose directories are needed.
        exists: whether a path is there already.
    """
    steps: list[Step] = []
    if text is not None:
        steps += [] if exists(file.parent) else [MakeDirectory(file.parent)]
        steps.append(WriteFile(file, text))
    for environment in environments:
        steps += [
            MakeDirectory(path, path in environment.private_directories)
            for path in environment.directories
            if not exists(path)
        ]
    return WorkspacePlan(tuple(steps))
