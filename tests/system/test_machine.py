"""The machine itself: what the other tests here stand on."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest

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
    assert "0::/user.slice/session-" in cgroup
    assert ".service" not in cgroup
    assert "0::/system.slice/nginx.service\n" in machine.read(f"/proc/{machine.unit('nginx')['MainPID']}/cgroup")
    assert '"GET / HTTP' in machine.read("/home/kai/server.log")
    server.kill()
    assert not machine.answers("http://127.0.0.1:3444/")


def test_a_unit_that_fails_at_boot_is_named_with_its_journal(machine: Machine) -> None:
    unit = "[Service]\nType=oneshot\nExecStart=/bin/cat /nowhere\n[Install]\nWantedBy=multi-user.target\n"
    machine.write("/etc/systemd/system/broken.service", unit)
    machine.systemctl("enable", "broken")
    with pytest.raises(AssertionError, match="is degraded, not running") as failed:
        machine.reboot()
    assert "cat: /nowhere: No such file or directory" in str(failed.value)
    machine.reboot("degraded")
    assert machine.unit("broken", "Result", "ExecMainStatus") == {"Result": "exit-code", "ExecMainStatus": "1"}


def test_a_tree_is_copied_as_it_is_and_belongs_to_whom_it_is_for(machine: Machine, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "below").mkdir(parents=True)
    (tree / "below" / "bytes").write_bytes(bytes(range(256)))
    (tree / "tool").write_text("#!/bin/sh\necho ran as $USER\n")
    (tree / "tool").chmod(0o755)
    (tree / "link").symlink_to("tool")
    machine.add_user("kai")
    machine.copy(tree, "/srv/made", owner="kai")
    assert machine.run(["/srv/made/tree/link"], user="kai").out == "ran as kai\n"
    assert machine.run(["wc", "--bytes", "/srv/made/tree/below/bytes"]).out.split()[0] == "256"
    owners = machine.run(["find", "/srv/made/tree", "-printf", "%u\n"]).out.split()
    assert set(owners) == {"kai"}


def test_a_command_that_fails_fails_the_test_with_what_it_said(machine: Machine) -> None:
    with pytest.raises(AssertionError, match="ended with 2:\nls: cannot access '/nowhere'"):
        machine.run(["ls", "/nowhere"])
    assert machine.run(["false"], check=False).code == 1
    with pytest.raises(AssertionError, match="no-such-program: command not found"):
        machine.run(["no-such-program"])
    with pytest.raises(AssertionError, match="Failed to connect"):
        machine.get("http://127.0.0.1:1/")


def test_a_request_carries_its_method_headers_and_body(machine: Machine) -> None:
    site = 'server { listen 81; location / { return 418 "$request_method $http_x_asked $content_length"; } }'
    machine.write("/etc/nginx/conf.d/echo.conf", site)
    machine.tell_nginx("systemctl", "reload", "nginx")
    answer = machine.request("PUT", "http://127.0.0.1:81/", headers={"X-Asked": "yes"}, body="four")
    assert (answer.status, answer.body) == (418, "PUT yes 4")


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
