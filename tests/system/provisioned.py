"""Commands on a machine that is provisioned, and what it looks like."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from tests.support.machine import Machine
from tests.support.machines.answers import Result

FILE: Final = "/srv/team/homeport.toml"
BOTH: Final = """\
[environments.production]
proxy = "nginx"

[environments.development]
proxy = "nginx"
"""
SERVICE: Final = "/etc/systemd/system/homeport-production@.service"
PLAIN: Final = "http://127.0.0.1"


def homeport(machine: Machine, *arguments: str, check: bool = True) -> Result:
    return machine.run(["homeport", *arguments, "--config", FILE], check=check, timeout=300)


def provision(machine: Machine, environment: str, *arguments: str, code: int = 0) -> Result:
    told = homeport(machine, "provision", environment, *arguments, check=False)
    assert told.code == code, f"{told.code}:\n{told.out}{told.err}"
    return told


def token(machine: Machine, environment: str, name: str = "test") -> dict[str, str]:
    made = homeport(machine, "token", "create", environment, "--name", name).out.splitlines()[0]
    return {"Authorization": f"Bearer {made}", "Content-Type": "application/json"}


def call(machine: Machine, path: str, headers: dict[str, str], tool: str, **arguments: object) -> Any:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    answer = machine.request("POST", f"{PLAIN}{path}", headers=headers, body=json.dumps(asked))
    assert answer.status == 200, answer
    told = answer.json()
    assert isinstance(told, dict)
    return told["result"]["data"]


def looks(machine: Machine) -> str:
    """What provision could change: units and what is enabled, nginx's files, users, directories and their owners."""
    listed = machine.run(
        [
            "find",
            "/etc/systemd/system",
            "/etc/nginx",
            "/srv",
            "-printf",
            "%p %y %m %u:%g %l\n",
            "-not",
            "-path",
            "*/journal*",
        ]
    ).out.splitlines()
    sums = machine.run(["find", "/etc/systemd/system", "/etc/nginx", "-type", "f", "-exec", "sha256sum", "{}", "+"]).out
    quiet = [line for line in listed if "/journal" not in line and not re.match(r"/srv/team/\w+ d", line)]
    units = machine.systemctl("list-units", "--all", "--plain", "--no-legend", "homeport-*")
    return "\n".join([*sorted(quiet), *sorted(sums.splitlines()), machine.read("/etc/passwd"), units])
