"""provision, killed for real at one point after the other on a real machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import dying, provisioning_killed
from tests.support.machine import Machine
from tests.system.provisioned import FILE, homeport, provision

# Few steps of each kind: a socket, a service, a timer, nginx's files, data that belonged to somebody else.
SMALL: Final = """\
[environments.production]
proxy = "nginx"
protocols = ["http"]
drill_schedule = ""
doctor_schedule = ""
"""


def killed(machine: Machine, first: int, stride: int, timeout: float) -> dict[str, Any]:
    for module in (dying, provisioning_killed):
        machine.copy(Path(module.__file__ or ""), "/root/tests/support")
    machine.write(FILE, SMALL)
    machine.write("/srv/team/production/logs/old.log", "root's", mode=0o600)
    machine.run(["mkdir", "--mode=700", "/srv/team/production/data"])
    script = ["/opt/homeport/bin/python", "-m", "tests.support.provisioning_killed"]
    command = [*script, FILE, "production", str(first), str(stride)]
    told = machine.run(command, env={"PYTHONPATH": "/root"}, timeout=timeout)
    found: dict[str, Any] = json.loads(told.out.splitlines()[-1])
    return found


def check(machine: Machine, found: dict[str, Any]) -> None:
    assert not found["wrong"], json.dumps(found["wrong"], indent=1)
    assert set(found["killed"]) <= {"undone", "done"}
    # The run that was not killed did all of it.
    assert "nothing to do" in provision(machine, "production", "--yes").out
    assert machine.answers("http://127.0.0.1/health")
    assert homeport(machine, "token", "list", "production").code == 0


def test_a_run_killed_at_some_points_leaves_the_machine_as_before_and_the_next_one_completes(machine: Machine) -> None:
    found = killed(machine, 5, 17, timeout=560)
    assert len(found["killed"]) >= 4
    check(machine, found)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_run_killed_at_any_point_leaves_the_machine_as_before_and_the_next_one_completes(machine: Machine) -> None:
    found = killed(machine, 0, 1, timeout=7200)
    assert len(found["killed"]) > 60
    check(machine, found)
