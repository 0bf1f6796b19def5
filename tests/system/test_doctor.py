"""doctor on a real machine: the causes of a crash loop, and data that are elsewhere."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.support.incident import DATA, FILE, NODE, NODE_PROGRAM, ROOT, declare, findings, start_own
from tests.support.machine import Machine

UNIT: Final = "coordination.service"
LOOPING: Final = """\
[Service]
WorkingDirectory={root}/production
ExecStart={command}
Environment=DATA_DIR={root}/production/data HTTP_PORT=3444
{more}
ProtectSystem=strict
Restart=always
RestartSec=3
"""
PLAIN: Final = "http://127.0.0.1"


def loop(machine: Machine, command: str, more: str) -> dict[str, Any]:
    """Starts a unit that cannot stay up, and what the doctor says of it."""
    machine.write(f"/etc/systemd/system/{UNIT}", LOOPING.format(root=ROOT, command=command, more=more))
    machine.systemctl("daemon-reload")
    machine.systemctl("start", "--no-block", UNIT)
    machine.until(lambda: int(machine.unit(UNIT, "NRestarts")["NRestarts"]) >= 3)
    found = [one for one in findings(machine, "production") if one["kind"] == "crash-loop"]
    machine.systemctl("stop", UNIT)
    machine.systemctl("reset-failed", UNIT, check=False)
    assert len(found) == 1, found
    return found[0]


def test_the_causes_of_a_crash_loop_are_told_apart(machine: Machine) -> None:
    declare(machine, NODE)
    machine.write(f"{ROOT}/production/src/streamable-http-server.js", NODE_PROGRAM)
    machine.write(f"{DATA}/messages/inbox/inbox.json", '{"messages": []}')
    server = "/usr/bin/node src/streamable-http-server.js"

    missing = loop(machine, server, f"ReadWritePaths={ROOT}/gone")
    assert f"its sandbox names {ROOT}/gone, which does not exist" in missing["sentence"]

    machine.run(["mkdir", f"{ROOT}/old"])
    touch = f"/bin/sh -c 'echo reading; exec touch {DATA}/written'"
    stale = loop(machine, touch, f"ReadWritePaths={ROOT}/old")
    assert f"its sandbox does not let it write its data in {DATA}" in stale["sentence"]
    assert any("Read-only file system" in line for line in stale["evidence"])

    by_hand = machine.start(["python3", "-m", "http.server", "3444", "--bind", "127.0.0.1"], cwd=f"{ROOT}/production")
    machine.until(lambda: machine.answers(f"{PLAIN}:3444/"))
    held = loop(machine, server, f"ReadWritePaths={DATA}")
    assert "its port 3444 is held by another process" in held["sentence"]
    assert any(f"process {by_hand.pid} " in line for line in held["evidence"])
    by_hand.kill()

    own = loop(machine, "/bin/sh -c 'echo there is no table called agents; exit 3'", f"ReadWritePaths={DATA}")
    assert "the program itself ends with 3" in own["sentence"]
    assert "its last line: there is no table called agents" in own["evidence"]


@pytest.mark.parametrize("environment", ["production"])
def test_a_server_whose_data_are_elsewhere_is_found_by_what_it_has_open(machine: Machine, environment: str) -> None:
    declare(machine, f"[environments.{environment}]\n")
    start_own(machine)
    machine.write(FILE, f'[environments.{environment}]\ndata = "elsewhere"\n')
    found = {one["kind"]: one for one in findings(machine)}
    assert DATA in found["data-elsewhere"]["sentence"]
