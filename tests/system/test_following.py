"""Branches that come by themselves, on a machine: by push, by a timer, and by a webhook that root picks up."""

from __future__ import annotations

import json
from typing import Final

from tests.support.machine import Machine
from tests.support.machines.image import ROOT
from tests.support.signed import SECRET, github, push_body
from tests.system.provisioned import FILE, homeport, provision
from tests.system.test_services import CHECKOUT, INSTALL, REMOTE, commit

DECLARED: Final = f"""\
[environments.development]
checkout = "{CHECKOUT}"
install = ["/opt/homeport/bin/python", "install.py"]
auth = "tokens"

[environments.development.follow]
branches = ["main", "feature/*"]
poll_schedule = "*-*-* *:00/5:00"
webhook_secret = "/etc/homeport.webhook"
"""
URL: Final = "http://127.0.0.1:3446"
REQUESTS: Final = "homeport-development-requests"
ASKING: Final = f"while :; do curl --silent --output /dev/null --write-out '%{{http_code}}\\n' {URL}/health; done"
PUSH: Final = ("git", "-C", REMOTE, "push", "/srv/team/repository.git")


def serves(machine: Machine, version: str) -> bool:
    """Whether a server of that version answers; while one follows the other, nobody may."""
    asked = machine.run(["curl", "--silent", "--max-time", "30", f"{URL}/health"], check=False)
    return asked.code == 0 and bool(json.loads(asked.out)["version"] == version)


def tell(machine: Machine, made: str, delivery: str) -> int:
    body = push_body("main", made)
    return machine.request("POST", f"{URL}/hooks/push", headers=github(body, delivery), body=body.decode()).status


def operations(machine: Machine) -> list[tuple[str, str]]:
    told = json.loads(homeport(machine, "log", "development", "--json").out)
    return [(one["operation"], one["outcome"]) for one in told["operations"]]


def test_a_push_a_poll_and_a_webhook_bring_branches_to_a_server_that_may_do_none_of_it(machine: Machine) -> None:
    machine.run(["git", "init", "--quiet", "--initial-branch=main", REMOTE])
    machine.copy(ROOT / "src", REMOTE)
    machine.write(f"{REMOTE}/install.py", INSTALL)
    machine.write(f"{REMOTE}/.gitignore", ".venv\n__pycache__\n")
    commit(machine, "5.0.0")
    machine.run(["git", "clone", "--quiet", REMOTE, CHECKOUT])
    machine.run(["/opt/homeport/bin/python", "install.py"], cwd=CHECKOUT)
    machine.write(FILE, DECLARED)
    provision(machine, "development", "--yes")
    assert serves(machine, "5.0.0")
    machine.write("/etc/homeport.webhook", SECRET, mode=0o400, owner="homeport-development")
    for unit in (f"{REQUESTS}.path", "homeport-development-poll.timer"):
        assert machine.unit(unit, "ActiveState")["ActiveState"] == "active"

    # Somebody who asks all the time, each time on a connection of its own.
    asking = machine.start(["sh", "-c", ASKING], log="/srv/asked")

    # By push: what happens is read by whoever pushes.
    homeport(machine, "repository")
    commit(machine, "5.0.1")
    assert "remote: development runs" in machine.run([*PUSH, "main"]).err
    assert serves(machine, "5.0.1")
    commit(machine, "5.0.2", "raise SystemExit('no table called agents')")
    assert "no table called agents" in machine.run([*PUSH, "main"]).err
    assert serves(machine, "5.0.1")
    asking.kill()
    asked = machine.read("/srv/asked").split()
    assert len(asked) > 50
    assert set(asked) == {"200"}

    # By webhook: the server notes it and can do no more; a unit of root's brings it.
    made = commit(machine, "5.0.3")
    assert tell(machine, made, "first") == 202
    machine.until(lambda: serves(machine, "5.0.3"), within=120)
    machine.until(lambda: machine.unit(f"{REQUESTS}.service", "ActiveState")["ActiveState"] == "inactive", within=120)
    assert machine.run(["ls", "/srv/team/development/requests"]).out.split() == ["known"]
    assert "runs" in machine.journal(f"{REQUESTS}.service")
    assert tell(machine, made, "first") == 409
    broken = commit(machine, "5.0.4", "raise SystemExit('no table called tasks')")
    assert tell(machine, broken, "second") == 202
    machine.until(lambda: machine.unit(f"{REQUESTS}.service", "Result")["Result"] == "exit-code", within=120)
    assert "no table called tasks" in machine.journal(f"{REQUESTS}.service")
    assert serves(machine, "5.0.3")

    # By the clock.
    commit(machine, "5.0.5")
    machine.systemctl("start", "homeport-development-poll.service")
    assert serves(machine, "5.0.5")
    assert operations(machine)[-5:] == [
        ("push", "done"),
        ("push", "undone"),
        ("webhook", "done"),
        ("webhook", "undone"),
        ("poll", "done"),
    ]
    homeport(machine, "log", "--verify")
    provision(machine, "development", "--unprovision", "--yes")
    assert not machine.exists(f"/etc/systemd/system/{REQUESTS}.path")
