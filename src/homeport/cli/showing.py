"""Plans as people read them: a difference for each file, and a line for each other step; and what happens to them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from homeport.cli.output import tell
from homeport.environments.machine.record import FILE_NAME as RECORD
from homeport.environments.machine.steps import acts_only_backwards
from homeport.environments.plan import Plan
from homeport.environments.steps import RemoveFile, Step, WriteFile
from homeport.host.carrying import NoWatcher
from homeport.host.journal import Operation, Outcome


def plan_lines(plan: Plan) -> Iterator[str]:
    """A plan against what stands on the machine now."""
    for step in plan.steps:
        if acts_only_backwards(step):
            continue
        yield f"would {step}"
        yield from (f"    {line}" for line in difference(step))


def difference(step: Step) -> list[str]:
    """What a step changes in a file, as a unified diff; empty for other steps."""
    match step:
        case WriteFile(path=path) if path.name == RECORD:
            return []  # Hashes of what stands above it.
        case WriteFile(path=path, text=text):
            return _diff(path, _text(path), text)
        case RemoveFile(path=path):
            return _diff(path, _text(path), "")
        case _:
            return []


class Told(NoWatcher):
    """Tells on stderr how a plan gets on."""

    def healed(self, operation: Operation, outcome: Outcome) -> None:
        what = "finished" if outcome == "done" else "undid"
        tell(f"{what} {operation.id} ({operation.plan_json['operation']}), which an earlier run had left open")

    def begins(self, plan: Plan, number: int) -> None:
        if not acts_only_backwards(plan.steps[number]):
            tell(f"[{number + 1}/{len(plan.steps)}] {plan.steps[number]}")

    def taking_back(self, plan: Plan, why: str) -> None:
        tell(f"failed: {why}; undoing what was done")


def _diff(path: PurePosixPath, old: str, new: str) -> list[str]:
    before, after = old.splitlines(), new.splitlines()
    lines = difflib.unified_diff(before, after, str(path), str(path), n=2, lineterm="")
    return list(lines)


def _text(path: PurePosixPath) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
