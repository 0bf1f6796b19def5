"""What starts a command whose mounts, processes and control group end with it, and with the tests."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.machines.enclosed import hierarchies

PROGRAM: Final = Path(__file__).with_name("enclosed.py")


class Mount(NamedTuple):
    """As ``mount -t kind -o options source target``."""

    kind: str
    source: str
    target: Path
    options: str


@dataclass(frozen=True)
class Enclosure:
    """A private view of the file system, and a control group if it has a name for one."""

    mounts: Sequence[Mount] = field(default=())
    group: str | None = None

    def command(self, *commands: Sequence[str]) -> list[str]:
        """The argument list that runs these commands in it; killing that process ends all of them at once."""
        given = {
            "group": self.group,
            "mounts": [[*map(str, mount)] for mount in self.mounts],
            "commands": [[*map(str, command)] for command in commands],
        }
        return [
            *("setpriv", "--pdeathsig", "KILL"),
            *("unshare", "--mount", "--propagation", "private", "--pid", "--mount-proc", "--fork", "--kill-child"),
            *(sys.executable, "-P", str(PROGRAM), json.dumps(given)),
        ]


def overlay(lower: Sequence[Path], place: Path) -> Mount:
    """Layers, the topmost first, seen as one tree at ``place/root``; what is written goes to ``place/upper``."""
    for name in ("upper", "work", "root"):
        (place / name).mkdir(exist_ok=True)
    stack = ":".join(map(str, lower))
    options = f"lowerdir={stack},upperdir={place / 'upper'},workdir={place / 'work'}"
    return Mount("overlay", "overlay", place / "root", options)


def remove_group(name: str) -> None:
    """Removes an enclosure's control group, whose processes have ended, with those made below it."""
    for hierarchy in hierarchies():
        top = hierarchy / name
        for group in sorted(top.rglob("*/"), reverse=True) if top.is_dir() else []:
            group.rmdir()
        if top.is_dir():
            top.rmdir()
