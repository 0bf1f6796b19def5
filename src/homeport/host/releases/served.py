"""Whether another server stored something since a release of it was well: going back would lose that.

Nobody but that server knows what it acknowledged. What its files were when it was first well is noted; what has changed
by then that a person must decide about is what they are otherwise now.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from homeport.environments.environment import Environment
from homeport.environments.releases.steps import DemandNothingLost
from homeport.errors import UndecidedError
from homeport.files import write_atomically
from homeport.host.data.foreign_seam import ForeignData
from homeport.host.releases.aside import is_allowed

_PASSING: Final = (".lock", ".pid", ".tmp", ".swp", ".sock", ".log", "-shm")
"""Endings of files that come and go with a server, or only tell of it."""
_SHOWN: Final = 5


def note_served(environment: Environment, note: Path) -> None:
    """Notes what the data are when a release is first well on them."""
    write_atomically(note, json.dumps(_look(environment)))


def demand_nothing_served(environment: Environment, step: DemandNothingLost) -> None:
    """Refuses to go back where the release was well once, and its data have changed since.

    Raises:
        UndecidedError: they have; in which files, by how many entries, and between what to choose, is said.
    """
    aside = Path(step.aside)
    if step.note is None or not Path(step.note).exists() or is_allowed(aside):
        return
    changed = _differences(json.loads(Path(step.note).read_bytes()), _look(environment))
    if not changed:
        return
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    name = environment.name
    raise UndecidedError(
        f"{step.release} is not well, and was left serving: going back would lose what was written since it was well:"
        f" {', '.join(changed[:_SHOWN])}{more}.",
        f"homeport deploy {name} --stay keeps it and what it stored. homeport deploy {name} --lose goes back to the"
        f" release before and its data ({aside}); what was stored since then stays beside them.",
        aside=str(aside),
        changed=changed,
    )


def _look(environment: Environment) -> dict[str, Any]:
    data = Path(environment.data_directory)
    found = {}
    for path in data.rglob("*"):
        if path.is_file() and not path.is_symlink() and not path.name.endswith(_PASSING):
            status = path.stat()
            found[str(path.relative_to(data))] = [status.st_size, status.st_mtime_ns]
    return {"files": found, "counts": dict(ForeignData(environment.name).examine(data).counts)}


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The files that are not the same, each with how many entries or rows more or fewer it has."""
    names = sorted({*before["files"], *now["files"]})
    return [
        f"{name}{_entries(name, before['counts'], now['counts'])}"
        for name in names
        if before["files"].get(name) != now["files"].get(name)
    ]


def _entries(name: str, before: dict[str, int], now: dict[str, int]) -> str:
    keys = [key for key in {*before, *now} if key == name or key.startswith(f"{name}:")]
    more = sum(now.get(key, 0) - before.get(key, 0) for key in keys)
    return f" ({more:+} entries)" if more else ""
