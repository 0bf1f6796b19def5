"""A Node server that somebody started by hand, with what it was started with; for tests of adopting it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.support.incident import DATA, NODE, NODE_PROGRAM, ROOT, declare
from tests.support.machine import Background, Machine

V1: Final = Path(__file__).parents[1] / "data" / "json-v1"
PLAIN: Final = "http://127.0.0.1:3444"
SECRET: Final = "correct-horse-battery"


def node(machine: Machine, declaration: str = NODE) -> Background:
    """A Node server that kai started by hand, with a secret among its variables."""
    declare(machine, declaration)
    machine.write(f"{ROOT}/production/src/streamable-http-server.js", NODE_PROGRAM)
    machine.copy(V1, f"{ROOT}/production")
    machine.run(["mv", f"{ROOT}/production/json-v1", DATA])
    machine.add_user("kai")
    machine.run(["chown", "-R", "kai:kai", DATA])
    server = machine.start(
        ["node", "src/streamable-http-server.js"],
        user="kai",
        env={"DATA_DIR": DATA, "HTTP_PORT": "3444", "API_KEY": SECRET},
        cwd=f"{ROOT}/production",
        log="/home/kai/node.log",
    )
    machine.until(lambda: machine.answers(f"{PLAIN}/health"))
    return server


def holder(machine: Machine) -> str:
    """The pid of who listens on production's port."""
    told = machine.run(["ss", "-ltnpH", "sport = :3444"]).out
    return told.partition("pid=")[2].partition(",")[0]


def runs_as_it_was_started(machine: Machine) -> None:
    pid = holder(machine)
    assert machine.run(["ps", "-o", "user=,args=", pid]).out.split() == ["kai", "node", "src/streamable-http-server.js"]
    assert machine.run(["readlink", f"/proc/{pid}/cwd"]).out.strip() == f"{ROOT}/production"
    assert f"API_KEY={SECRET}" in machine.read(f"/proc/{pid}/environ").split("\0")
    assert ".service" not in machine.read(f"/proc/{pid}/cgroup")
    owners = machine.run(["find", DATA, "-printf", "%u\n"]).out.split()
    assert set(owners) == {"kai"}
    machine.request("POST", f"{PLAIN}/messages", body='{"id": "after", "body": "it writes again"}')
