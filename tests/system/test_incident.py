"""The incident on a real machine: named by its causes, mended, and nothing lost (docs/incident.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.support.incident import (
    DATA,
    FILE,
    NODE,
    NODE_PROGRAM,
    OWN,
    ROOT,
    STALE,
    UNIT,
    acknowledged,
    declare,
    findings,
    homeport,
    kinds,
    longest_silence,
    spoil,
    start_own,
    write_meanwhile,
)
from tests.support.machine import Machine

V1: Final = Path(__file__).parents[1] / "data" / "json-v1"
FOUND: Final = [
    ("absent", "development"),
    ("backup-misses-data", "production"),
    ("crash-loop", "production"),
    ("never-backed-up", "production"),
    ("sandbox-misses-data", "production"),
    ("stale-data", "production"),
    ("unmanaged", "production"),
]
PLAIN: Final = "http://127.0.0.1:3444"


def _is_named_by_its_causes(machine: Machine, pid: int) -> None:
    assert kinds(machine) == FOUND
    by_kind = {one["kind"]: one for one in findings(machine)}
    loop = by_kind["crash-loop"]
    assert "its port 3444 is held by another process" in loop["sentence"]
    assert any(f"process {pid}" in line for line in loop["evidence"])
    assert any("never reached" in line for line in loop["evidence"])
    assert STALE in " ".join(by_kind["sandbox-misses-data"]["evidence"])
    assert any(f"live is {DATA}" in line for line in by_kind["backup-misses-data"]["evidence"])
    assert by_kind["stale-data"]["subject"] == STALE


def _leads_to_a_silent_machine(machine: Machine) -> None:
    homeport(machine, "provision", "development", "--yes")
    homeport(machine, "backup", "create", "production")
    homeport(machine, "backup", "drill", "production")
    refused = homeport(machine, "adopt", "production", "--archive-stale", DATA, "--yes", code=3)
    assert "is not among" in refused.err
    homeport(machine, "doctor", "--fix", code=None)
    packed = json.loads(homeport(machine, "adopt", "production", "--archive-stale", STALE, "--yes", "--json").out)
    assert not machine.exists(STALE)
    machine.run(["sha256sum", "--check", f"{packed['archive']}.sha256"], cwd=str(Path(packed["archive"]).parent))
    assert findings(machine) == []


def test_the_incident_with_homeports_own_server(machine: Machine) -> None:
    declare(machine, OWN)
    server = start_own(machine)
    token = homeport(machine, "token", "create", "production", "--name", "kai").out.split()[0]
    spoil(machine, f"/usr/local/bin/homeport serve production --config {FILE}")
    _is_named_by_its_causes(machine, server.pid)

    writer = write_meanwhile(machine, f"{PLAIN}/mcp", token)
    told = json.loads(homeport(machine, "adopt", "production", "--yes", "--json").out)
    count = len(acknowledged(machine))
    machine.until(lambda: len(acknowledged(machine)) > count + 20)
    writer.kill()

    assert not server.is_running
    writes = acknowledged(machine)
    assert [number for number, _ in writes] == list(range(len(writes)))
    listed = machine.run(["homeport", "data", "facts", DATA, "--json"], check=False).out
    assert json.loads(listed)["counts"]["messages"] >= len(writes)
    assert told["gap_seconds"] > 0
    assert longest_silence(writes) > 0

    unit = machine.unit("homeport-production@blue.service", "ActiveState", "User", "MainPID")
    assert (unit["ActiveState"], unit["User"]) == ("active", "homeport-production")
    assert told["retired"] == [UNIT]
    assert machine.exists(f"/etc/systemd/system/{UNIT}.before-homeport")
    assert machine.unit(UNIT, "LoadState")["LoadState"] == "not-found"
    _leads_to_a_silent_machine(machine)
    machine.reboot()
    machine.until(lambda: machine.answers(f"{PLAIN}/health"))
    assert findings(machine) == []


def test_the_incident_with_a_node_server(machine: Machine) -> None:
    declare(machine, NODE)
    machine.write(f"{ROOT}/production/src/streamable-http-server.js", NODE_PROGRAM)
    machine.copy(V1, f"{ROOT}/production")
    machine.run(["mv", f"{ROOT}/production/json-v1", DATA])
    server = machine.start(
        ["node", "src/streamable-http-server.js"],
        env={"DATA_DIR": DATA, "HTTP_PORT": "3444"},
        cwd=f"{ROOT}/production",
        log="/root/node.log",
    )
    machine.until(lambda: machine.answers(f"{PLAIN}/health"))
    variables = f"Environment=DATA_DIR={DATA} HTTP_PORT=3444\n"
    spoil(machine, "/usr/bin/node src/streamable-http-server.js", variables, units="/usr/lib/systemd/system")
    _is_named_by_its_causes(machine, server.pid)

    writer = write_meanwhile(machine, f"{PLAIN}/messages")
    told = json.loads(homeport(machine, "adopt", "production", "--yes", "--json").out)
    assert (told["retired"], told["gap_seconds"] > 0) == ([UNIT], True)
    # The package's file stays where the package put it, and nobody can start it.
    assert machine.exists(f"/usr/lib/systemd/system/{UNIT}")
    assert machine.unit(UNIT, "LoadState", "ActiveState") == {"LoadState": "masked", "ActiveState": "inactive"}
    count = len(acknowledged(machine))
    machine.until(lambda: len(acknowledged(machine)) > count + 20)
    writer.kill()
    writes = acknowledged(machine)
    stored = {one["id"] for one in json.loads(machine.read(f"{DATA}/messages/inbox/inbox.json"))["messages"]}
    assert {f"n{number}" for number, _ in writes} <= stored
    _leads_to_a_silent_machine(machine)
