"""provision, its undoing, and adopt: killed at every step of their plans on a real machine, and healed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import steps_killed
from tests.support.incident import DATA as LIVE
from tests.support.incident import FILE as ADOPTED
from tests.support.incident import NODE
from tests.support.incident import ROOT as PLACE
from tests.support.machine import Machine
from tests.system.hand_started import node, runs_as_it_was_started
from tests.system.provisioned import FILE, homeport, provision

# Few steps of each kind: a socket, a service, a timer, nginx's files, data that belonged to somebody else.
SMALL: Final = """\
[environments.production]
proxy = "nginx"
protocols = ["http"]
drill_schedule = ""
doctor_schedule = ""
"""


OLD: Final = f"""\
[Service]
WorkingDirectory={PLACE}/production
ExecStart=/bin/false
[Install]
WantedBy=multi-user.target
"""


def killed(machine: Machine, file: str, how: str, *command: str) -> None:
    """Kills the command at each of its steps; the machine must always be as it was before."""
    machine.copy(Path(steps_killed.__file__), "/root/tests/support")
    script = ["/opt/homeport/bin/python", "-m", "tests.support.steps_killed", file, "production", how, *command]
    told = machine.run(script, env={"PYTHONPATH": "/root"}, timeout=3600)
    found: dict[str, Any] = json.loads(told.out.splitlines()[-1])
    assert not found["wrong"], json.dumps(found["wrong"], indent=1)
    assert set(found["killed"]) == {"undone"}
    assert len(found["killed"]) >= 6


def provision_is_killed(machine: Machine, how: str) -> None:
    machine.write(FILE, SMALL)
    machine.write("/srv/team/production/logs/old.log", "root's", mode=0o600)
    machine.run(["mkdir", "--mode=700", "/srv/team/production/data"])
    killed(machine, FILE, how, "provision", "production")
    # A run that is not killed does all of it.
    provision(machine, "production", "--yes")
    assert machine.answers("http://127.0.0.1/health")
    assert homeport(machine, "token", "list", "production").code == 0
    killed(machine, FILE, how, "provision", "production", "--unprovision")
    assert machine.answers("http://127.0.0.1/health")
    assert "nothing to do" in provision(machine, "production", "--yes").out
    provision(machine, "production", "--unprovision", "--yes")
    assert not machine.answers("http://127.0.0.1/health")


def adopt_is_killed(machine: Machine, how: str) -> None:
    node(machine, NODE)
    # A backup that was killed leaves its record, and so the directory: it is there from the first time on.
    machine.run(["mkdir", "--mode=700", f"{PLACE}/production-backups"])
    # Two units that would run it too: an administrator's, and a package's.
    for place in ("/etc", "/usr/lib"):
        unit = f"node-of{place.replace('/', '-')}.service"
        machine.write(f"{place}/systemd/system/{unit}", OLD)
        machine.systemctl("enable", "--quiet", unit)
    killed(machine, ADOPTED, how, "adopt", "production")
    runs_as_it_was_started(machine)
    assert machine.run(["find", LIVE, "-not", "-user", "kai"]).out == ""
    machine.run(["homeport", "adopt", "production", "--yes", "--config", ADOPTED])
    assert machine.answers("http://127.0.0.1:3444/health")
    assert machine.exists("/etc/systemd/system/node-of-etc.service.before-homeport")
    assert machine.unit("node-of-usr-lib.service", "LoadState")["LoadState"] == "masked"


@pytest.mark.timeout(1800)
def test_provision_killed_at_any_step_leaves_the_machine_as_before_and_so_does_taking_it_away(
    machine: Machine,
) -> None:
    provision_is_killed(machine, "some")


@pytest.mark.timeout(1800)
def test_adopt_killed_at_any_step_leaves_the_server_as_it_was_started(machine: Machine) -> None:
    adopt_is_killed(machine, "some")


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_provision_killed_at_every_moment_of_any_step_leaves_the_machine_as_before(machine: Machine) -> None:
    provision_is_killed(machine, "all")


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_adopt_killed_at_every_moment_of_any_step_leaves_the_server_as_it_was_started(machine: Machine) -> None:
    adopt_is_killed(machine, "all")
