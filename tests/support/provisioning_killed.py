"""Runs on a machine of a test: provision, killed at one point after the other; each time the machine is as before.

``python -m tests.support.provisioning_killed FILE ENVIRONMENT FIRST STRIDE`` prints one JSON object.
"""

from __future__ import annotations

import hashlib
import json
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from homeport.environments.environment import Environment
from homeport.environments.machine.provisioning import plan_provision
from homeport.environments.machine.unprovisioning import plan_unprovision
from homeport.host.carrying import Carrier, carrying
from homeport.host.declaration_file import read_declaration
from homeport.host.machine import MACHINE_HANDS
from homeport.host.machine.gathering import gather_facts, this_program
from homeport.host.operation_lock import operation_lock
from tests.support.dying import CountedJournal, Point, counted_hands, killed_at

PLACES = ("/etc/systemd/system", "/etc/nginx", "/srv")


def looks(journal: Path) -> list[str]:
    """Files with owner, mode and content, users, and units; but for the journal itself and data."""
    return sorted([*_files(journal, journal.parent / "data"), *(user.pw_name for user in pwd.getpwall()), *_units()])


def _files(journal: Path, data: Path) -> Iterator[str]:
    for place in PLACES:
        for path in Path(place).rglob("*"):
            # Data are never taken back: what the server wrote while it ran stays.
            if path.is_relative_to(journal) or data in path.parents:
                continue
            found = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(found.st_mode) else ""
            target = str(path.readlink()) if path.is_symlink() else ""
            yield f"{path} {found.st_mode:o} {found.st_uid}:{found.st_gid} {content}{target}"


def _units() -> list[str]:
    asked = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "homeport-*"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()


def provision(environment: Environment, file: Path, point: Point) -> None:
    """As the command does it, but that it passes a point before and after all that it does."""
    directory = Path(environment.journal_directory)
    journal = CountedJournal(directory)
    journal.point = point
    with operation_lock(directory, environment.name):
        program = this_program(environment, file)
        plan = plan_provision(environment, program, gather_facts(environment, program)).plan
        Carrier(journal, counted_hands(MACHINE_HANDS, point)).carry_out(plan)


def main(file: Path, name: str, first: int, stride: int) -> None:
    """Kills at FIRST, FIRST + STRIDE and so on, until a run gets through."""
    environment = read_declaration(file).environment(name)
    directory = Path(environment.journal_directory)
    directory.mkdir(parents=True, exist_ok=True)
    before = looks(directory)
    killed, wrong, number = [], [], first
    while killed_at(number, lambda point: provision(environment, file, point)):
        with carrying(directory, name, MACHINE_HANDS) as carrier:
            carrier.heal()
        outcome = _last_outcome(directory)
        if outcome == "undone" and (now := looks(directory)) != before:
            wrong.append({"point": number, "lines": sorted(set(now) ^ set(before))[:20]})
        if outcome == "done":
            _unprovision(environment, file, directory)
        killed.append(outcome)
        number += stride
    sys.stdout.write(json.dumps({"killed": killed, "wrong": wrong, "last": number}) + "\n")


def _last_outcome(directory: Path) -> str | None:
    text = (directory / "operations.jsonl") if (directory / "operations.jsonl").exists() else None
    if text is None:
        return "undone"
    ends = [json.loads(line) for line in text.read_text().splitlines() if '"ended"' in line]
    return str(ends[-1]["outcome"]) if ends else "undone"


def _unprovision(environment: Environment, file: Path, directory: Path) -> None:
    with carrying(directory, environment.name, MACHINE_HANDS) as carrier:
        facts = gather_facts(environment, this_program(environment, file))
        carrier.carry_out(plan_unprovision(environment, facts).plan)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
