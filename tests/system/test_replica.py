"""The replica of an environment whose server systemd runs: a unit of its own, and a restore that knows of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from tests.support.machine import Machine
from tests.system.provisioned import FILE, call, homeport, provision, token

UNIT: Final = "homeport-production-replica"
DECLARED: Final = """\
[environments.production]
proxy = "nginx"
[environments.production.backup]
continuous = "/mnt/replica"
"""


def test_the_replica_is_kept_by_a_unit_of_its_own_and_gives_back_what_a_restore_wants(machine: Machine) -> None:
    machine.write(FILE, DECLARED)
    refused = provision(machine, "production", "--yes", code=3)
    assert "no program litestream on PATH" in refused.err
    machine.copy(Path(sys.executable).with_name("litestream"), "/usr/local/bin")
    refused = provision(machine, "production", "--yes", code=3)
    assert "Is its disk mounted?" in refused.err
    machine.run(["mkdir", "/mnt/replica"])
    provision(machine, "production", "--yes")
    assert "nothing to do" in provision(machine, "production", "--yes").out
    headers = token(machine, "production")
    call(machine, "/mcp", headers, "create_project", id="p", name="P", description="kept")

    def arrived() -> bool:
        told = homeport(machine, "restore", "production", "--at", "now", "--dry-run", "--json", check=False)
        return told.code == 0 and json.loads(told.out)["loss"]["events"] == 0

    machine.until(arrived, within=60)
    owner, command = machine.run(["ps", "-C", "litestream", "-o", "user:40=,args="]).out.split(maxsplit=1)
    assert owner == "homeport-production"
    assert "replicate" in command
    exposure = machine.run(["systemd-analyze", "security", f"{UNIT}.service", "--no-pager"]).out.splitlines()[-1]
    assert float(exposure.split(":")[1].split()[0]) <= 1.5, exposure

    # Whoever is killed, the other goes on, and what was killed comes back.
    server = machine.systemctl("show", "--property", "MainPID", "--value", "homeport-production@blue").strip()
    before = machine.systemctl("show", "--property", "MainPID", "--value", UNIT).strip()
    machine.run(["kill", "-9", before])
    machine.until(lambda: machine.systemctl("show", "-P", "MainPID", UNIT).strip() not in ("0", before), within=60)
    machine.until(arrived, within=60)
    assert machine.systemctl("show", "--property", "MainPID", "--value", "homeport-production@blue").strip() == server

    call(machine, "/mcp", headers, "create_project", id="q", name="Q", description="also")
    machine.until(arrived, within=60)
    done = json.loads(homeport(machine, "restore", "production", "--at", "now", "--yes", "--json").out)
    assert done["replica"] is not None
    assert done["started"]
    # Root restored it; the server's own user owns it, and goes on replicating it as a history of its own.
    assert machine.run(["stat", "-c", "%U %a", "/srv/team/production/data"]).out.split() == [
        "homeport-production",
        "700",
    ]
    assert call(machine, "/mcp", headers, "get_project", id="q")["project"]["description"] == "also"
    histories = ["find", "/mnt/replica/production", "-mindepth", "1", "-maxdepth", "1"]
    machine.until(lambda: len(machine.run(histories).out.split()) == 2, within=60)
    machine.until(arrived, within=60)
    drill = json.loads(homeport(machine, "backup", "drill", "production", "--json").out)
    assert drill["replica"]["passed"]
    assert machine.systemctl("is-failed", "homeport-*", check=False).count("failed") == 0

    provision(machine, "production", "--unprovision", "--yes")
    assert machine.run(["pgrep", "-x", "litestream"], check=False).code == 1
    assert len(machine.run(histories).out.split()) == 2
