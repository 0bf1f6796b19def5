"""``homeport start``, ``stop``, ``restart``, ``logs`` and ``status`` on a machine: by real systemd, and without it."""

from __future__ import annotations

import json
from typing import Any

from tests.support.machine import Machine
from tests.system.provisioned import BOTH, FILE, provision

UNIT = "homeport-development@blue.service"


def homeport(machine: Machine, *words: str, code: int = 0, user: str = "root", file: str = FILE) -> Any:
    """What a command answers; it must end with this code."""
    done = machine.run(["homeport", *words, "--json", "--config", file], check=False, user=user)
    assert done.code == code, done.out + done.err
    return json.loads(done.out.splitlines()[-1] if code == 0 else done.err.splitlines()[-1])


def seen(machine: Machine, user: str = "root", file: str = FILE) -> Any:
    return homeport(machine, "status", "development", user=user, file=file)["environments"][0]


def test_systemds_server_is_seen_stopped_started_restarted_and_its_log_read(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    provision(machine, "development", "--yes")
    first = seen(machine)
    assert (first["condition"], first["server"]["manager"], first["drift"]) == ("healthy", "systemd", [])
    assert first["server"]["pids"][0] == int(machine.unit(first["server"]["unit"], "MainPID")["MainPID"])
    assert all(port["own"] for port in first["ports"])
    assert not homeport(machine, "start", "development")["changed"]

    assert homeport(machine, "stop", "development")["changed"]
    assert seen(machine)["condition"] == "down"
    assert not machine.answers("http://127.0.0.1:3446/health")
    assert machine.unit("homeport-development.socket", "ActiveState") == {"ActiveState": "inactive"}

    started = homeport(machine, "start", "development")
    assert started["changed"]
    assert machine.answers("http://127.0.0.1:3446/health")
    again = homeport(machine, "restart", "development")
    assert again["server"]["pids"][0] != started["server"]["pids"][0]
    lines = machine.run(["homeport", "logs", "development", "-n", "500", "--config", FILE]).out
    assert '"event":"listening"' in lines


def test_a_server_that_was_killed_is_started_again_by_systemd_and_that_is_counted(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    provision(machine, "development", "--yes")
    before = seen(machine)
    machine.run(["kill", "-9", str(before["server"]["pids"][0])])
    machine.until(lambda: seen(machine)["server"]["restarts"] == 1, within=60)
    machine.until(lambda: seen(machine)["condition"] == "healthy", within=60)
    assert seen(machine)["server"]["pids"][0] != before["server"]["pids"][0]


def test_a_stranger_on_the_port_is_named_and_left_alone(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    provision(machine, "development", "--yes")
    homeport(machine, "stop", "development")
    machine.add_user("kai")
    by_hand = machine.start(["python3", "-m", "http.server", "3446", "--bind", "127.0.0.1"], user="kai")
    machine.until(lambda: machine.answers("http://127.0.0.1:3446/"))
    error = homeport(machine, "start", "development", code=78)["error"]
    assert error["details"]["holder"]["pid"] == by_hand.pid
    assert "http.server" in error["message"]
    homeport(machine, "stop", "development", code=3)
    assert by_hand.is_running
    found = seen(machine)
    assert (found["condition"], found["ports"][0]["own"]) == ("unmanaged", False)


def test_a_server_that_cannot_start_is_told_with_its_last_line(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    provision(machine, "development", "--yes")
    homeport(machine, "stop", "development")
    data = seen(machine)["data"]
    identity = machine.read(f"{data}/identity.json")
    machine.write(f"{data}/identity.json", identity.replace('"development"', '"production"'))
    error = homeport(machine, "start", "development", code=1)["error"]
    assert "exit code 78" in error["message"]
    assert "holds data of production, not of development" in error["message"]
    assert homeport(machine, "log", "development")["operations"][-1]["outcome"] == "undone"


def test_an_ordinary_user_may_look_and_is_told_what_only_root_may(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    provision(machine, "development", "--yes")
    machine.add_user("kai")
    found = seen(machine, user="kai")
    assert found["condition"] == "healthy"
    assert found["unseen"]
    homeport(machine, "stop", "development", user="kai", code=1)
    assert seen(machine)["condition"] == "healthy"


def test_an_ordinary_user_runs_plain_processes_where_nothing_was_provisioned(machine: Machine) -> None:
    machine.add_user("kai")
    machine.run(["homeport", "init"], user="kai")
    file = "/home/kai/homeport.toml"
    started = homeport(machine, "start", "development", user="kai", file=file)
    assert started["server"]["manager"] == "processes"
    found = seen(machine, user="kai", file=file)
    assert (found["condition"], found["drift"]) == ("healthy", None)
    # Root sees whose it is, and that it is the declared one.
    assert seen(machine, file=file)["server"]["pids"] == found["server"]["pids"]
    # The command's session is over, and the server goes on; after a power failure its pid file is stale.
    machine.kill()
    machine.boot()
    stale = seen(machine, user="kai", file=file)
    assert not stale["server"]["running"]
    assert "stale" in stale["server"]["note"]
    homeport(machine, "start", "development", user="kai", file=file)
    homeport(machine, "stop", "development", user="kai", file=file)
