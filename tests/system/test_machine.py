"""The machine itself: what the other tests here stand on."""

from __future__ import annotations

import functools
import json

from homeport import __version__
from tests.support.machine import Machine


def test_systemd_runs_and_nginx_answers(machine: Machine) -> None:
    assert machine.systemctl("is-system-running") == "running"
    assert machine.unit("nginx", "ActiveState", "SubState") == {"ActiveState": "active", "SubState": "running"}
    answer = machine.get("http://127.0.0.1/")
    assert answer.status == 200
    assert answer.headers["server"].startswith("nginx/")
    assert "Started nginx.service" in machine.journal("nginx")


def test_a_reboot_keeps_the_disk_and_ends_what_nobody_enabled(machine: Machine) -> None:
    machine.write("/etc/homeport/made", "here", mode=0o600)
    machine.write("/var/lib/homeport/made", "there")
    machine.write("/run/homeport/made", "in memory")
    by_hand = machine.start(["sleep", "infinity"])
    assert by_hand.is_running
    machine.reboot()
    assert machine.read("/etc/homeport/made") + machine.read("/var/lib/homeport/made") == "herethere"
    assert machine.run(["stat", "--format=%a", "/etc/homeport/made"]).out == "600\n"
    assert not machine.exists("/run/homeport/made")
    assert machine.run(["pgrep", "--exact", "sleep"], check=False).code == 1
    assert machine.answers("http://127.0.0.1/")


def test_a_power_failure_ends_everything_at_once_and_the_disk_is_there_again(machine: Machine) -> None:
    machine.write("/var/lib/homeport/made", "there")
    machine.kill()
    assert not machine.is_on
    assert "Started nginx.service" in machine.journal()
    machine.boot()
    assert machine.read("/var/lib/homeport/made") == "there"


def test_what_a_user_starts_by_hand_stays_and_belongs_to_no_unit(machine: Machine) -> None:
    machine.add_user("kai")
    server = machine.start(
        ["python3", "-m", "http.server", "3444", "--bind", "127.0.0.1"], user="kai", log="/home/kai/server.log"
    )
    machine.until(lambda: machine.answers("http://127.0.0.1:3444/"))
    assert machine.run(["ps", "-o", "user=,ppid=", str(server.pid)]).out.split() == ["kai", "1"]
    cgroup = machine.read(f"/proc/{server.pid}/cgroup")
    assert "/user.slice/session-" in cgroup
    assert ".service" not in cgroup
    assert '"GET / HTTP' in machine.read("/home/kai/server.log")
    server.kill()
    assert not machine.answers("http://127.0.0.1:3444/")


def test_two_machines_share_no_port_no_process_and_no_unit(machine: Machine, second_machine: Machine) -> None:
    for one in (machine, second_machine):
        one.start(["python3", "-m", "http.server", "3444", "--bind", "127.0.0.1"])
        one.until(functools.partial(one.answers, "http://127.0.0.1:3444/"))
    machine.systemctl("stop", "nginx")
    assert second_machine.answers("http://127.0.0.1/")
    machine.kill()
    assert second_machine.systemctl("is-system-running") == "running"
    assert second_machine.answers("http://127.0.0.1:3444/")


def test_homeport_is_installed_from_this_source_and_serves_an_ordinary_user(machine: Machine) -> None:
    machine.add_user("kai")
    assert machine.run(["homeport", "--version"], user="kai").out.strip().endswith(__version__)
    machine.start(["homeport", "up", "--json"], user="kai", log="/home/kai/up.log")
    events = machine.until(lambda: [line for line in machine.read("/home/kai/up.log").split("\n") if "settled" in line])
    settled = {one["environment"]: one["healthy"] for one in json.loads(events[0])["environments"]}
    assert settled == {"production": True, "development": True}
    health = machine.get("http://127.0.0.1:3444/health").json()
    assert isinstance(health, dict)
    assert (health["status"], health["environment"]) == ("healthy", "production")
