"""A Node program that systemd runs, deployed from a git repository, broken and rolled back."""

from __future__ import annotations

import json
from typing import Any

from tests.support.machine import Machine
from tests.support.proposal import SERVER
from tests.system.provisioned import FILE, homeport, provision

SOURCE = "/srv/source"
DATA = "/srv/team/production/data"
DECLARED = f"""\
[environments.production]
protocols = ["http"]
command = ["/usr/bin/node", "src/server.js"]
health_says = {{ status = "healthy" }}
variables = {{ HTTP_PORT = "3444", DATA_DIR = "{DATA}" }}
source = "{SOURCE}"
backup_schedule = ""
drill_schedule = ""
doctor_schedule = ""
"""
GIT = ("git", "-C", SOURCE, "-c", "user.name=ada", "-c", "user.email=ada@example.org")


def commit(machine: Machine, version: str, server: str = SERVER) -> None:
    machine.write(f"{SOURCE}/src/server.js", server)
    machine.write(f"{SOURCE}/src/version.js", f"exports.VERSION = {version!r}\n")
    machine.run([*GIT, "add", "--all"])
    machine.run([*GIT, "commit", "--quiet", "--message", version])


def change(machine: Machine, *words: str, code: int = 0) -> Any:
    told = homeport(machine, *words, "--watch", "1", "--yes", "--json", check=False)
    assert told.code == code, told.out + told.err
    return json.loads(told.out if code == 0 else told.err.splitlines()[-1])


def version(machine: Machine) -> str:
    answer = machine.get("http://127.0.0.1:3444/health").json()
    assert isinstance(answer, dict)
    return str(answer["version"])


def test_it_waits_for_its_first_release_and_then_follows_the_same_commands(machine: Machine) -> None:
    machine.run(["git", "init", "--quiet", "--initial-branch=main", SOURCE])
    commit(machine, "1")
    machine.write(FILE, DECLARED)
    machine.write(f"{DATA}/messages/inbox/inbox.json", '{"messages": []}')
    provision(machine, "production", "--yes")
    assert machine.unit("homeport-production@blue.service", "ActiveState")["ActiveState"] == "inactive"
    first = change(machine, "deploy", "production")["release"]
    assert version(machine) == "1"
    assert "nothing to do" in provision(machine, "production", "--yes").out
    commit(machine, "2", f'throw new Error("no table called agents")\n{SERVER}')
    assert "no table called agents" in change(machine, "deploy", "production", code=1)["error"]["message"]
    assert version(machine) == "1"
    commit(machine, "3")
    change(machine, "deploy", "production")
    assert version(machine) == "3"
    assert change(machine, "rollback", "production")["release"] == first
    assert version(machine) == "1"
    # It is what starts with the machine.
    machine.reboot()
    machine.until(lambda: machine.answers("http://127.0.0.1:3444/health"))
    assert version(machine) == "1"
