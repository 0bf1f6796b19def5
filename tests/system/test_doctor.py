"""doctor on a real machine: the causes of a crash loop, other faults, and silence where all is well."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.support.incident import DATA, FILE, NODE, NODE_PROGRAM, ROOT, declare, findings, homeport, kinds, start_own
from tests.support.machine import Machine

BOTH: Final = """\
[environments.production]
proxy = "nginx"

[environments.production.backup]
places = ["/mnt/backups"]

[environments.development]
proxy = "nginx"
"""
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


def test_a_provisioned_machine_is_silent_and_each_fault_is_named(machine: Machine) -> None:
    declare(machine, BOTH)
    for name in ("production", "development"):
        homeport(machine, "provision", name, "--yes")
    homeport(machine, "backup", "create", "production")
    # Whether a backup was ever restored is another command's to say.
    well = [one for one in kinds(machine) if one[0] != "never-proven"]
    assert well == []
    assert homeport(machine, "doctor", "production", "--nagios", code=None).out.startswith("HOMEPORT ")
    machine.reboot()
    machine.until(lambda: machine.answers(f"{PLAIN}/health") and machine.answers(f"{PLAIN}/dev/health"))
    assert [one for one in kinds(machine) if one[0] != "never-proven"] == []

    def newly(*expected: tuple[str, str | None]) -> None:
        assert [one for one in kinds(machine) if one[0] != "never-proven"] == sorted(expected)

    machine.add_user("kai")
    told = machine.run(["homeport", "doctor", "--json", "--config", FILE], user="kai", check=False)
    assert told.code in (0, 4), told.err
    seen = {one["kind"] for one in json.loads(told.out)["findings"]}
    assert not seen & {"never-backed-up", "unmanaged", "port-held", "down", "absent", "data-elsewhere"}, seen

    machine.run(["chmod", "755", DATA])
    newly(("open-to-others", "production"))
    homeport(machine, "doctor", "--fix", code=None)
    newly()

    unit = "/etc/systemd/system/homeport-development@.service"
    kept = machine.read(unit)
    machine.write(unit, kept.replace("WatchdogSec=30", "WatchdogSec=60"))
    assert ("drift", "development") in kinds(machine)
    machine.write(unit, kept)
    machine.systemctl("daemon-reload")
    newly()

    machine.systemctl(
        "stop", "homeport-production.socket", "homeport-production-sse.socket", "homeport-production@blue"
    )
    newly(("down", "production"))
    machine.systemctl("start", "homeport-production.socket", "homeport-production-sse.socket")
    machine.until(lambda: machine.answers(f"{PLAIN}/health"))

    machine.write("/etc/nginx/conf.d/zz.conf", "server { no_such_directive on; }\n")
    newly(("proxy-invalid", None))
    machine.run(["rm", "/etc/nginx/conf.d/zz.conf"])

    machine.run(["git", "init", "--quiet", "/srv/coordination"])
    machine.run(["git", "-C", ROOT, "add", "--force", f"{DATA}/identity.json"])
    newly(("data-tracked", "production"))
    machine.run(["rm", "-rf", f"{ROOT}/.git"])
    newly()


@pytest.mark.parametrize("environment", ["production"])
def test_a_server_whose_data_are_elsewhere_is_found_by_what_it_has_open(machine: Machine, environment: str) -> None:
    declare(machine, f"[environments.{environment}]\n")
    start_own(machine)
    machine.write(FILE, f'[environments.{environment}]\ndata = "elsewhere"\n')
    found = {one["kind"]: one for one in findings(machine)}
    assert DATA in found["data-elsewhere"]["sentence"]
