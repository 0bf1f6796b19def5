"""Changes of release in which the command, or the server, is killed at one point after the other; each time the release
before or the next one serves, and nothing is between them. Runs in a test, or on a machine of a test:

``python -m tests.support.changing_killed FILE ENVIRONMENT WHO FIRST STRIDE [COUNT TARGET]`` prints a JSON object, what
callers saw among it; WHO is ``command``, ``server``, or ``hold``: the command, where callers wait while it brings the
data to the schema of the release TARGET; ``heal``: who takes that back, while callers wait, after the command was
killed with the data migrated; ``restart``: the command that starts the same release anew. COUNT is of points, at most.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial, wraps
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

from homeport.cli.hands import hands_of
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.environments.machine.units import SLOTS
from homeport.environments.plan import Plan
from homeport.environments.releases.plans import Change, plan_rollback
from homeport.environments.services.plans import plan_restart
from homeport.errors import HomeportError
from homeport.host.carrying import Carrier, carrying
from homeport.host.data.program import current_release
from homeport.host.declaration_file import read_declaration
from homeport.host.health import ask_environment, wait_for_health
from homeport.host.journal import Journal
from homeport.host.operation_lock import operation_lock
from homeport.host.releases import handing_over
from homeport.host.releases.shelf import ReleaseShelf
from homeport.host.services import systemd_slots
from homeport.host.services.choosing import manager_for
from homeport.host.services.control import Control
from homeport.host.services.hold import Hold
from homeport.host.services.service import ServiceManager
from tests.support.asking import Asking
from tests.support.dying import CountedJournal, Point, counted_hands, killed_at
from tests.support.waiting import until

T = TypeVar("T")
_MANY: Final = 10_000
"""More points than there are."""
MIGRATED: Final = 1
"""The point of :func:`change_migrating` at which the data are of the next schema."""


def change(declaration: Declaration, environment: Environment, target: str, point: Point) -> None:
    """As rollback does it, but that it passes a point before and after all that it does."""
    directory = Path(environment.journal_directory)
    journal = CountedJournal(directory)
    journal.point = point
    # This process is killed soon, or ends: nobody else sees it.
    _count_slots(point)
    with operation_lock(directory, environment.name):
        Carrier(journal, counted_hands(hands_of(declaration, environment), point)).carry_out(_plan(environment, target))


def change_holding(declaration: Declaration, environment: Environment, target: str, point: Point) -> None:
    """The same, but that it passes points only where it exchanges what serves and brings the data to another schema."""
    used: dict[str, Any] = vars(handing_over)
    for name in ("keep_aside", "migrate_live"):
        used[name] = _counted(used[name], point)
    _count_slots(point)
    setattr(Hold, "allow", _counted(Hold.allow, point))  # noqa: B010 - this process is killed soon, or ends
    directory = Path(environment.journal_directory)
    with operation_lock(directory, environment.name):
        Carrier(Journal(directory), hands_of(declaration, environment)).carry_out(_plan(environment, target))


def change_migrating(declaration: Declaration, environment: Environment, target: str, point: Point) -> None:
    """The same, but that it passes points only before and after the data are migrated."""
    used: dict[str, Any] = vars(handing_over)
    used["migrate_live"] = _counted(used["migrate_live"], point)
    directory = Path(environment.journal_directory)
    with operation_lock(directory, environment.name):
        Carrier(Journal(directory), hands_of(declaration, environment)).carry_out(_plan(environment, target))


def heal_holding(declaration: Declaration, environment: Environment, _: str, point: Point) -> None:
    """Takes a change back, passing points where it exchanges what serves and puts back the data, rename by rename."""
    _count_slots(point)
    setattr(Hold, "allow", _counted(Hold.allow, point))  # noqa: B010 - as above
    setattr(Path, "rename", _counted(Path.rename, point))  # noqa: B010 - as above
    hands = hands_of(declaration, environment)
    with carrying(Path(environment.journal_directory), environment.name, hands) as carrier:
        carrier.heal()


def restart(declaration: Declaration, environment: Environment, _: str, point: Point) -> None:
    """As ``homeport restart`` does it, with points."""
    directory = Path(environment.journal_directory)
    journal = CountedJournal(directory)
    journal.point = point
    _count_slots(point)
    state = _manager(declaration, environment).state(environment)
    with operation_lock(directory, environment.name):
        plan = plan_restart(environment, state, healthy=True)
        Carrier(journal, counted_hands(hands_of(declaration, environment), point)).carry_out(plan)


def _count_slots(point: Point) -> None:
    """Has what is told to systemd, or to the keeper of plain processes, pass points."""
    used: dict[str, Any] = vars(systemd_slots)
    used["systemctl"] = _counted(used["systemctl"], point)
    used["FILE_HANDS"] = counted_hands(used["FILE_HANDS"], point)
    for name in ("begin", "end", "first"):
        setattr(Control, name, _counted(getattr(Control, name), point))


def _manager(declaration: Declaration, environment: Environment) -> ServiceManager:
    return manager_for(environment, PurePosixPath(declaration.file))


def _plan(environment: Environment, target: str) -> Plan:
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
    return plan_rollback(asked, shelf.find(current_release(environment) or ""), "a test")


def _counted(function: Callable[..., T], point: Point) -> Callable[..., T]:
    @wraps(function)
    def run(*arguments: Any, **named: Any) -> T:
        point()
        result = function(*arguments, **named)
        point()
        return result

    return run


def kill_server(declaration: Declaration, environment: Environment, number: int, run: Callable[[Point], None]) -> bool:
    """Kills what serves at a point of this number; whether the run passed so many."""
    passed = 0

    def point() -> None:
        nonlocal passed
        pid = _manager(declaration, environment).state(environment).pid if passed == number else None
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        passed += 1

    child = os.fork()
    if child == 0:
        with suppress(HomeportError):
            run(point)
        os._exit(0 if passed <= number else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def oddities(declaration: Declaration, environment: Environment, schema: str) -> list[str]:
    """What is between two releases; nothing where one serves and all say so."""
    answers = wait_for_health(lambda: ask_environment(environment), lambda: False, 200)
    serves, current = answers.payload.get("release"), current_release(environment)
    slots = _manager(declaration, environment).slots(environment)
    links = {target.name for slot in SLOTS if (target := slots.target(slot)) is not None}
    active = [slot for slot, seen in slots.look().items() if seen.active or seen.coming]
    found = []
    if not answers.healthy or serves != current:
        found.append(f"{serves} answers ({answers.reason}), and current is {current}")
    if links != {current}:
        found.append(f"the slots have {sorted(links)}, and current is {current}")
    if answers.payload.get("schema_version") != schema:
        found.append(f"the data have schema {answers.payload.get('schema_version')}, and not {schema}")
    data = Path(environment.data_directory)
    if kept := [path.name for path in data.parent.glob(f"{data.name}.before-2*")]:
        found.append(f"{kept} lie beside the data")
    if len(active) != 1:
        found.append(f"{active} run")
    return found


def main(file: Path, name: str, who: str, first: int, stride: int, count: int = _MANY, to: str | None = None) -> None:
    """Goes through the points."""
    declaration = read_declaration(file)
    environment = declaration.environment(name)
    with Asking(environment.health_url) as asking:
        told = go_through(declaration, environment, who, range(first, first + count * stride, stride), to)
    sys.stdout.write(json.dumps({**told, "asked": asking.found}) + "\n")


def go_through(
    declaration: Declaration, environment: Environment, who: str, points: Iterable[int], to: str | None
) -> dict[str, Any]:
    """What came of being killed at each point, until there are no more."""
    schema = ask_environment(environment).payload["schema_version"]
    good = [one.id for one in ReleaseShelf(Path(environment.releases_directory)).releases() if one.is_usable]
    kill = partial(kill_server, declaration, environment) if who == "server" else killed_at
    run = {"hold": change_holding, "heal": heal_holding, "restart": restart}.get(who, change)
    outcomes, wrong, number = list[str](), list[dict[str, Any]](), 0
    for number in points:
        before = current_release(environment)
        target = to or next((one for one in good if one != before), "")
        if who == "heal":
            assert killed_at(MIGRATED, partial(change_migrating, declaration, environment, target))
        if not kill(number, partial(run, declaration, environment, target)):
            break
        if who != "heal":
            # Nobody has healed anything yet, and somebody answers. Between two renames of a heal there are no data.
            until(lambda: ask_environment(environment).healthy, within=60)
        hands = hands_of(declaration, environment)
        with carrying(Path(environment.journal_directory), environment.name, hands) as carrier:
            carrier.heal()
        until(lambda: ask_environment(environment).healthy, within=60)
        odd = oddities(declaration, environment, schema)
        if odd:
            wrong.append({"point": number, "odd": odd})
        outcomes.append("old" if current_release(environment) == before else "new")
    return {"outcomes": outcomes, "wrong": wrong, "last": number}


if __name__ == "__main__":
    file, name, who, first, stride, *more = sys.argv[1:]
    main(Path(file), name, who, int(first), int(stride), int(more[0]) if more else _MANY, more[1] if more else None)
