"""Runs on a machine of a test: changes of release in which the command, or the server, is killed at one point after the
other; each time the release before or the next one serves, and nothing is between them.

``python -m tests.support.changing_killed FILE ENVIRONMENT WHO FIRST STRIDE`` prints one JSON object; WHO is ``command``
or ``server``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from homeport.cli.hands import hands_of
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.environments.machine.units import SLOTS
from homeport.environments.releases.plans import Change, plan_rollback
from homeport.errors import HomeportError
from homeport.host.carrying import Carrier, carrying
from homeport.host.data.program import current_release
from homeport.host.declaration_file import read_declaration
from homeport.host.health import ask_environment, wait_for_health
from homeport.host.operation_lock import operation_lock
from homeport.host.releases.shelf import ReleaseShelf
from homeport.host.services import slots
from homeport.host.services.systemd import SystemdManager, show_units
from tests.support.dying import CountedJournal, Point, counted_hands, killed_at
from tests.support.waiting import until

T = TypeVar("T")


def change(declaration: Declaration, environment: Environment, target: str, point: Point) -> None:
    """As rollback does it, but that it passes a point before and after all that it does."""
    directory = Path(environment.journal_directory)
    journal = CountedJournal(directory)
    journal.point = point
    # This process is killed soon, or ends: nobody else sees it.
    used: dict[str, Any] = vars(slots)
    used["systemctl"] = _counted(used["systemctl"], point)
    used["FILE_HANDS"] = counted_hands(used["FILE_HANDS"], point)
    shelf = ReleaseShelf(Path(environment.releases_directory))
    asked = Change(
        environment=environment,
        release=target,
        backup=None,
        scratch=None,
        socket=PurePosixPath("/unused"),
        seconds=60,
        watch=0.1,
        slots=True,
    )
    plan = plan_rollback(asked, shelf.find(current_release(environment) or ""), "a test")
    with operation_lock(directory, environment.name):
        Carrier(journal, counted_hands(hands_of(declaration, environment), point)).carry_out(plan)


def _counted(function: Callable[..., T], point: Point) -> Callable[..., T]:
    @wraps(function)
    def run(*arguments: Any, **named: Any) -> T:
        point()
        result = function(*arguments, **named)
        point()
        return result

    return run


def kill_server(environment: Environment, number: int, run: Callable[[Point], None]) -> bool:
    """Kills what serves at a point of this number; whether the run passed so many."""
    passed = 0

    def point() -> None:
        nonlocal passed
        pid = SystemdManager().state(environment).pid if passed == number else None
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        passed += 1

    child = os.fork()
    if child == 0:
        with suppress(HomeportError):
            run(point)
        os._exit(0 if passed <= number else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def oddities(environment: Environment) -> list[str]:
    """What is between two releases; nothing where one serves and all say so."""
    answers = wait_for_health(lambda: ask_environment(environment), lambda: False, 200)
    serves, current = answers.payload.get("release"), current_release(environment)
    links = {Path(environment.slot_link(slot)).readlink().name for slot in SLOTS}
    active = [slot for slot in SLOTS if show_units([environment.slot_unit(slot)])[0].is_active]
    found = []
    if not answers.healthy or serves != current:
        found.append(f"{serves} answers ({answers.reason}), and current is {current}")
    if links != {current}:
        found.append(f"the slots have {sorted(links)}, and current is {current}")
    if len(active) != 1:
        found.append(f"{active} run")
    return found


def main(file: Path, name: str, who: str, first: int, stride: int) -> None:
    """Goes through the points."""
    declaration = read_declaration(file)
    environment = declaration.environment(name)
    good = [one.id for one in ReleaseShelf(Path(environment.releases_directory)).releases() if one.is_usable]
    kill = killed_at if who == "command" else partial(kill_server, environment)
    number, outcomes, wrong = first, [], []
    while True:
        before = current_release(environment)
        target = next(one for one in good if one != before)
        if not kill(number, partial(change, declaration, environment, target)):
            break
        # Nobody has healed anything yet, and somebody answers.
        until(lambda: ask_environment(environment).healthy, within=60)
        with carrying(Path(environment.journal_directory), name, hands_of(declaration, environment)) as carrier:
            carrier.heal()
        until(lambda: ask_environment(environment).healthy, within=60)
        odd = oddities(environment)
        if odd:
            wrong.append({"point": number, "odd": odd})
        outcomes.append("old" if current_release(environment) == before else "new")
        number += stride
    sys.stdout.write(json.dumps({"outcomes": outcomes, "wrong": wrong, "last": number}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
