"""Where the machine is not as it was provisioned: what a person did since, which is never overwritten in silence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from homeport.environments.environment import Environment
from homeport.environments.machine.facts import MachineFacts
from homeport.environments.machine.program import Program
from homeport.environments.machine.record import hash_of
from homeport.environments.machine.wanted import WantedFile, wanted_files

Kind = Literal["edited", "foreign", "removed", "override", "outdated"]


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference that nobody told Homeport of.

    Attributes:
        kind: ``edited`` and ``foreign`` (there before Homeport was) would be lost by writing the file; ``removed`` is
            mended by writing it; ``outdated`` says that the declaration has changed since; an ``override`` (a drop-in
            of systemd) is legitimate and stays.
        found: what the file holds; None where that is no text, or it is gone.
        wanted: what it should hold; None where it is not wanted any more.
    """

    path: PurePosixPath
    kind: Kind
    found: str | None = None
    wanted: str | None = None

    @property
    def is_in_the_way(self) -> bool:
        return self.kind in ("edited", "foreign")

    def __str__(self) -> str:
        what = {
            "edited": "was changed by hand since it was provisioned",
            "foreign": "was there before Homeport, and is another text",
            "removed": "was removed since it was provisioned",
            "outdated": "is not yet what is declared now",
            "override": "changes a unit besides its own file",
        }
        return f"{self.path} {what[self.kind]}"

    def as_json(self) -> dict[str, str]:
        return {"path": str(self.path), "kind": self.kind}


def find_drift(environment: Environment, program: Program, facts: MachineFacts) -> list[Drift]:
    """Every difference; nothing where the environment was never provisioned and nobody is in its way."""
    wanted = wanted_files(environment, program, facts)
    found = [drift for file in wanted if (drift := _of(file, facts)) is not None]
    found += _of_unwanted({file.path for file in wanted}, facts)
    seen: set[PurePosixPath] = set()
    for state in facts.units.values():
        found += [Drift(path, "override") for path in state.replaced if path not in seen]
        seen |= set(state.replaced)
    return found


def recorded_hash(path: PurePosixPath, facts: MachineFacts) -> str | None:
    """Of the file as it was written last; None where it was not."""
    return facts.record.files.get(path) if facts.record is not None else None


def _of(file: WantedFile, facts: MachineFacts) -> Drift | None:
    there, recorded = facts.files.get(file.path), recorded_hash(file.path, facts)
    if there is None:
        return Drift(file.path, "removed", None, file.text) if recorded else None
    if there.text == file.text:
        return None
    if there.text is not None and hash_of(there.text) == recorded:
        return Drift(file.path, "outdated", there.text, file.text)
    return Drift(file.path, "edited" if recorded else "foreign", there.text, file.text)


def _of_unwanted(wanted: Iterable[PurePosixPath], facts: MachineFacts) -> list[Drift]:
    """Files of an earlier declaration that were edited: they are not removed in silence either."""
    recorded = facts.record.files if facts.record is not None else {}
    left = [path for path in recorded if path not in set(wanted) and path in facts.files]
    return [
        Drift(path, "edited", text, None)
        for path in left
        if (text := facts.files[path].text) is None or hash_of(text) != recorded[path]
    ]
