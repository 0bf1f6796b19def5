"""The plan that makes a workspace: which directories, and the declaration where there is none yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from homeport.environments.environment import Environment
from homeport.environments.steps import MakeDirectory, WriteFile


@dataclass(frozen=True, slots=True)
class WorkspacePlan:
    """What is to be made, in order. Nothing that exists is ever changed."""

    steps: tuple[MakeDirectory | WriteFile, ...]

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
    steps: list[MakeDirectory | WriteFile] = []
    if text is not None:
        steps += [] if exists(file.parent) else [MakeDirectory(file.parent)]
        steps.append(WriteFile(file, text))
    for environment in environments:
        steps += [
            MakeDirectory(path, 0o700 if path in environment.private_directories else 0o755)
            for path in environment.directories
            if not exists(path)
        ]
    return WorkspacePlan(tuple(steps))
