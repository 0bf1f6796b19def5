"""Runs on a machine of a test: a command, killed at one step of its plan after the other, and healed each time.

``python -m tests.support.steps_killed FILE ENVIRONMENT HOW COMMAND...`` prints one JSON object. HOW is ``all`` for each
moment of each step; or ``some`` for one moment, another with each step, and of steps of one kind in a row the ends.

The heal is killed once too, in the middle of what it takes back, and then runs to its end.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

from homeport.cli import main as homeport
from homeport.cli.hands import hands_of
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.environments.machine.steps import acts_only_backwards
from homeport.environments.plan import Plan
from homeport.host.carrying import carrying
from homeport.host.declaration_file import read_declaration
from homeport.host.journal import Journal

PLACES: Final = ("/etc/systemd/system", "/etc/nginx", "/etc/logrotate.d", "/srv")
BEGUN: Final = "begun"
"""It is written down that the step begins; nothing is done."""
APPLIED: Final = "applied"
"""It is done, and that is not written down."""
DONE: Final = "done"
"""It is done and written down; the next one is not begun."""
PHASES: Final = (BEGUN, APPLIED, DONE)


def killed_at(number: int, phase: str, plan: Plan, command: Sequence[str]) -> bool:
    """Runs the command in a child that is killed at a moment of a step; False where it ended before.

    The plan that is carried out must have the same kinds of steps as this one.
    """
    return _child(lambda: _die_at(number, phase, plan), lambda: homeport(list(command)))


def looks(environment: Environment) -> list[str]:
    """Files with owner, mode and content, users, units, who serves; but for journals, backups, and what data hold."""
    return sorted({*_files(environment), *(user.pw_name for user in pwd.getpwall()), *_units(), *_servers(environment)})


def main(file: Path, name: str, how: str, command: Sequence[str]) -> None:
    """Kills at every step."""
    declaration = read_declaration(file)
    environment = declaration.environment(name)
    Path(environment.journal_directory).mkdir(parents=True, exist_ok=True)
    command = [*command, "--config", str(file)]
    plan = Plan.from_json(_told([*command, "--dry-run", "--json"])["plan"])
    before = looks(environment)
    outcomes, wrong = [], []
    for number, phase in _moments(plan) if how == "all" else _some(plan):
        assert killed_at(number, phase, plan, [*command, "--yes"]), f"it ended before it was {phase} with step {number}"
        _heal(declaration, environment, dying=number // 2)
        outcomes.append(_last_outcome(environment))
        if (now := looks(environment)) != before:
            lines = sorted(set(now) ^ set(before))[:20]
            wrong.append({"step": str(plan.steps[number]), "phase": phase, "lines": lines})
    told = {"killed": outcomes, "wrong": wrong}
    sys.stdout.write(json.dumps(told) + "\n")


def _moments(plan: Plan) -> Iterator[tuple[int, str]]:
    """Every moment at which a run that is killed is to be undone."""
    for number, step in enumerate(plan.steps):
        if not acts_only_backwards(step) and not plan.commits(number):
            yield from ((number, phase) for phase in PHASES if phase != DONE or not plan.commits(number + 1))


def _some(plan: Plan) -> Iterator[tuple[int, str]]:
    kinds = [type(step) for step in plan.steps]
    for number, phase in _moments(plan):
        inside = kinds[number - 1 : number] == kinds[number : number + 1] == kinds[number + 1 : number + 2]
        if not inside and phase == PHASES[number % len(PHASES)]:
            yield number, phase


def _heal(declaration: Declaration, environment: Environment, dying: int) -> None:
    """Undoes what was left open: by a run that is itself killed in the middle of it, and by another one."""

    def heal() -> int:
        directory = Path(environment.journal_directory)
        with carrying(directory, environment.name, hands_of(declaration, environment)) as carrier:
            carrier.heal()
        return 0

    _child(lambda: _die_taking_back(dying), heal)
    assert not _child(lambda: None, heal), "the second heal was killed, by nobody"


def _child(prepare: Callable[[], None], work: Callable[[], int]) -> bool:
    child = os.fork()
    if child == 0:
        quiet = os.open("/root/steps.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        prepare()
        try:
            os._exit(work())
        except BaseException as error:  # noqa: BLE001 - whatever it was, it must not go on as the parent
            os.write(2, f"{error!r}\n".encode())
            os._exit(99)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, Path("/root/steps.log").read_text()[-3000:]
    return False


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at(number: int, phase: str, expected: Plan) -> None:
    begin, begins, done = Journal.begin, Journal.step_begins, Journal.step_done

    def begun(self: Journal, operation: str, plan: Plan, *rest: Any) -> None:
        assert [type(step) for step in plan.steps] == [type(step) for step in expected.steps]
        begin(self, operation, plan, *rest)

    def step_begins(self: Journal, operation: str, at: int, *rest: Any) -> None:
        begins(self, operation, at, *rest)
        if (at, phase) == (number, BEGUN):
            _die()

    def step_done(self: Journal, operation: str, at: int, *rest: Any) -> None:
        if (at, phase) == (number, APPLIED):
            _die()
        done(self, operation, at, *rest)
        if at == number:
            _die()

    Journal.begin = begun  # type: ignore[method-assign, assignment]
    Journal.step_begins, Journal.step_done = step_begins, step_done  # type: ignore[method-assign, assignment]


def _die_taking_back(number: int) -> None:
    taken_back = Journal.step_taken_back

    def step_taken_back(self: Journal, operation: str, at: int) -> None:
        # What takes it back was done, and that is not written down.
        if at <= number:
            _die()
        taken_back(self, operation, at)

    Journal.step_taken_back = step_taken_back  # type: ignore[method-assign, assignment]


def _told(command: Sequence[str]) -> dict[str, Any]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert homeport(list(command)) == 0
    told: dict[str, Any] = json.loads(printed.getvalue())
    return told


def _files(environment: Environment) -> Iterator[str]:
    data = Path(environment.data_directory)
    unlike = [Path(environment.journal_directory), Path(environment.backups_directory)]
    for place in PLACES:
        for path in Path(place).rglob("*"):
            if any(path == one or path.is_relative_to(one) for one in unlike):
                continue
            found = path.lstat()
            line = f"{path} {found.st_mode:o} {found.st_uid}:{found.st_gid}"
            if data in path.parents:
                # What the server wrote while it ran stays; whose it is does not.
                if found.st_uid != data.stat().st_uid:
                    yield f"{data}/… is {found.st_uid}'s"
                continue
            content = hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(found.st_mode) else ""
            yield f"{line} {content}{path.readlink() if path.is_symlink() else ''}"


def _units() -> list[str]:
    kinds = "--type=service,socket,timer"
    asked = ["systemctl", "list-units", kinds, "--all", "--plain", "--no-legend", "homeport-*"]
    # What is enabled are links below /etc/systemd/system.
    shown = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines()
    return [" ".join(line.split()) for line in shown]


def _servers(environment: Environment) -> Iterator[str]:
    for one in psutil.net_connections("tcp"):
        if one.status != psutil.CONN_LISTEN or not one.laddr or not one.pid:
            continue
        if one.laddr.port in environment.ports.values():
            process = psutil.Process(one.pid)
            command = " ".join(process.cmdline()) if one.pid != 1 else "systemd"
            yield f"port {one.laddr.port}: {process.username()} {command} in {process.cwd()}"


def _last_outcome(environment: Environment) -> str:
    lines = (Path(environment.journal_directory) / "operations.jsonl").read_text(encoding="utf-8").splitlines()
    return str([json.loads(line) for line in lines if '"ended"' in line][-1]["outcome"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
