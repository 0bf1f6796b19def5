"""provision on a machine with real systemd and nginx."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.machine import Machine
from tests.system.provisioned import BOTH, FILE, PLAIN, SERVICE, call, homeport, looks, provision, token


def test_both_environments_answer_through_nginx_and_again_after_a_reboot(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    for name in ("production", "development"):
        provision(machine, name, "--yes")
    headers = {name: token(machine, name) for name in ("production", "development")}
    call(machine, "/mcp", headers["production"], "create_project", id="p", name="P", description="kept")
    for name in ("production", "development"):
        assert "nothing to do" in provision(machine, name, "--yes").out

    def answers() -> bool:
        return machine.answers(f"{PLAIN}/health") and machine.answers(f"{PLAIN}/dev/health")

    assert answers()
    machine.reboot()
    machine.until(answers, within=60)
    for path, name in (("", "production"), ("/dev", "development")):
        status = call(machine, f"/mcp{path}", headers[name], "get_server_status")
        assert status["environment"] == name
        health = machine.run(["curl", "--silent", "--include", f"{PLAIN}{path}/health"]).out
        assert re.findall(r"(?im)^x-mcp-environment: (.+?)\r?$", health) == [name]
    assert call(machine, "/mcp", headers["production"], "get_project", id="p")["project"]["description"] == "kept"
    # A token of the one opens nothing of the other: it is really another server that answers.
    assert machine.request("POST", f"{PLAIN}/mcp", headers=headers["development"], body="{}").status == 401
    for name in ("production", "development"):
        assert "nothing to do" in provision(machine, name, "--yes").out


def streams(machine: Machine, signs: int) -> None:
    """An SSE client of development through nginx, until the server has said so often that it is there."""
    machine.write(FILE, BOTH)
    provision(machine, "production", "--yes")
    provision(machine, "development", "--yes")
    bearer = token(machine, "development")
    curl = ["curl", "--silent", "--no-buffer", "--header", f"Authorization: {bearer['Authorization']}"]
    stream = machine.start([*curl, f"{PLAIN}/sse/dev"], log="/root/stream")
    found = machine.until(lambda: re.search(r"data: (/\S+)", machine.read("/root/stream")), within=30)
    assert found is not None
    endpoint = found[1]
    assert endpoint.startswith("/sse/dev/messages?")
    version = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    asked = {"jsonrpc": "2.0", "id": 7, "method": "initialize", "params": version}
    assert machine.request("POST", f"{PLAIN}{endpoint}", headers=bearer, body=json.dumps(asked)).status == 202
    machine.until(lambda: '"id":7' in machine.read("/root/stream"), within=30)
    machine.until(lambda: machine.read("/root/stream").count(": still here") >= signs, within=40 * signs)
    assert stream.is_running


def test_a_stream_through_nginx_stays_open_and_its_endpoint_leads_back(machine: Machine) -> None:
    # One sign every quarter of a minute; nginx as it comes would have cut the stream off after one minute.
    streams(machine, 5)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_stream_through_nginx_stays_open_for_an_hour_and_more(machine: Machine) -> None:
    streams(machine, 250)


def test_an_id_with_an_encoded_slash_reaches_the_server_as_it_was_sent(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    provision(machine, "development", "--yes")
    bearer = token(machine, "development")
    told = [
        machine.get(f"{base}/api/v1/instances/a%2Fb", headers=bearer).json()
        for base in (f"{PLAIN}/dev", "http://127.0.0.1:3446")
    ]
    errors = [one["error"] for one in told if isinstance(one, dict)]
    # The server was asked for an instance of that name, and not for a path one level deeper.
    assert errors[0] == errors[1]
    assert "a/b" in errors[0]["message"]


def test_a_dry_run_prints_the_very_plan_that_is_then_carried_out(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    before = looks(machine)
    shown = json.loads(provision(machine, "production", "--dry-run", "--json").out)
    assert looks(machine) == before
    assert not machine.exists("/srv/team/production")
    done = json.loads(provision(machine, "production", "--yes", "--json").out)
    begun = json.loads(machine.read("/srv/team/production/journal/operations.jsonl").splitlines()[0])
    assert shown["plan"] == begun["plan"] == done["plan"]
    text = provision(machine, "production", "--unprovision", "--dry-run").out
    assert "would remove /etc/systemd/system/homeport-production.socket" in text
    assert "would have nginx read its configuration" in text


def test_what_stands_in_the_way_is_refused_and_nothing_is_changed(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    before = looks(machine)

    holder = machine.start(["python3", "-m", "http.server", "3444", "--bind", "127.0.0.1"])
    machine.until(lambda: machine.answers("http://127.0.0.1:3444/"))
    told = provision(machine, "production", "--yes", code=3)
    assert f"held by process {holder.pid}" in told.err
    holder.kill()
    assert looks(machine) == before

    machine.write("/etc/nginx/conf.d/theirs.conf", "server {\n    listen 8080;\n    no_such_directive on;\n}\n")
    broken = looks(machine)
    told = provision(machine, "production", "--yes", code=1)
    assert "no_such_directive" in told.err
    assert looks(machine) == broken
    machine.run(["rm", "/etc/nginx/conf.d/theirs.conf"])

    machine.run(["mkdir", "-p", "/srv/team/production/data"])
    machine.run(["mount", "-t", "tmpfs", "-o", "ro,mode=755", "none", "/srv/team/production/data"])
    mounted = looks(machine)
    told = provision(machine, "production", "--yes", code=1)
    assert "read-only" in told.err.lower()
    assert looks(machine) == mounted
    machine.run(["umount", "/srv/team/production/data"])

    machine.write(SERVICE, "[Service]\nExecStart=/bin/true\n")
    theirs = looks(machine)
    told = provision(machine, "production", "--yes", code=3)
    assert "was there before Homeport" in told.err
    assert looks(machine) == theirs
    machine.run(["rm", SERVICE])
    provision(machine, "production", "--yes")


def test_an_edit_by_hand_is_reported_and_replaced_only_on_demand_with_a_copy(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    provision(machine, "production", "--yes")
    edited = machine.read(SERVICE).replace("WatchdogSec=30", "WatchdogSec=300")
    machine.write(SERVICE, edited)
    told = provision(machine, "production", "--yes", code=3)
    assert "changed by hand" in told.err
    told = provision(machine, "production", "--dry-run", code=3)
    assert "-WatchdogSec=300" in told.out
    assert machine.read(SERVICE) == edited
    provision(machine, "production", "--yes", "--overwrite-drift")
    assert "WatchdogSec=30\n" in machine.read(SERVICE)
    (kept,) = machine.run(["find", "/srv/team/production/journal/kept", "-type", "f"]).out.split()
    assert machine.read(kept) == edited
    assert "nothing to do" in provision(machine, "production", "--yes").out


def test_a_persons_own_server_block_gets_one_line_and_gets_rid_of_it_again(machine: Machine) -> None:
    site = "/etc/nginx/sites-available/default"
    machine.write(FILE, BOTH.replace('"nginx"\n', f'"nginx"\nnginx_site = "{site}"\nallowed_hosts = ["machine"]\n'))
    own = "server {\n    listen 80 default_server;\n    server_name machine;\n    add_header X-Theirs kept always;\n"
    own += '    location / {\n        return 200 "theirs";\n    }\n}\n'
    machine.write(site, own, mode=0o640)
    provision(machine, "production", "--yes")
    assert machine.run(["stat", "--format=%a", site]).out == "640\n"
    assert len(set(machine.read(site).splitlines()) - set(own.splitlines())) == 1
    host = {"Host": "machine"}
    assert machine.get(f"{PLAIN}/", headers=host).body == "theirs"
    answer = machine.get(f"{PLAIN}/health", headers=host)
    assert (answer.headers["x-mcp-environment"], answer.headers["x-theirs"]) == ("production", "kept")
    provision(machine, "production", "--unprovision", "--yes")
    assert machine.read(site) == own
    assert machine.get(f"{PLAIN}/health", headers=host).body == "theirs"


def test_what_is_taken_away_leaves_data_and_a_machine_as_it_was(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    before = looks(machine).partition("root:x:0:0")[0]
    provision(machine, "production", "--yes")
    bearer = token(machine, "production")
    call(machine, "/mcp", bearer, "create_project", id="p", name="P", description="kept")
    provision(machine, "production", "--unprovision", "--yes")
    after = looks(machine).partition("root:x:0:0")[0]
    gone = [line for line in before.splitlines() if line not in after.splitlines()]
    more = [line for line in after.splitlines() if line not in before.splitlines()]
    assert not gone
    assert all(line.startswith("/srv/team/production") for line in more), more
    assert machine.systemctl("--failed", "--no-legend") == ""
    provision(machine, "production", "--yes")
    assert call(machine, "/mcp", bearer, "get_project", id="p")["project"]["description"] == "kept"


def test_a_crash_loop_ends_after_three_starts_and_is_told(machine: Machine) -> None:
    alarm = 'alarm = ["/usr/bin/touch", "/srv/team/alarm"]'
    machine.write(FILE, f"[environments.production]\n{alarm}\n")
    provision(machine, "production", "--yes")
    machine.write(f"{SERVICE}.d/broken.conf", "[Service]\nExecStart=\nExecStart=/bin/sh -c 'echo started; exit 9'\n")
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", "--no-block", "homeport-production@blue")
    unit = "homeport-production@blue.service"
    machine.until(lambda: machine.unit(unit, "ActiveState")["ActiveState"] == "failed", within=90)
    machine.until(lambda: machine.exists("/srv/team/production/journal/failed"), within=30)
    machine.until(lambda: machine.exists("/srv/team/alarm"), within=30)
    # Three starts in two minutes, the first of which was the good one.
    assert machine.journal(unit).count("]: started") <= 3
    assert machine.unit("homeport-production.socket", "ActiveState")["ActiveState"] in {"active", "failed"}
    told = machine.run(["journalctl", "--no-pager", "--priority=alert", "--output=cat"]).out
    assert "homeport-production@blue has failed for good" in told


def test_what_no_retry_mends_is_not_tried_again(machine: Machine) -> None:
    machine.write(FILE, "[environments.production]\n")
    provision(machine, "production", "--yes")
    identity = "/srv/team/production/data/identity.json"
    machine.write(identity, machine.read(identity).replace("production", "development"))
    unit = "homeport-production@blue.service"
    machine.systemctl("restart", unit, check=False)
    found = machine.unit(unit, "ActiveState", "NRestarts", "ExecMainStatus")
    assert found == {"ActiveState": "failed", "NRestarts": "0", "ExecMainStatus": "78"}
    assert "holds data of development" in machine.journal(unit)


def test_the_installed_unit_scores_a_point_and_a_half_or_better_while_it_serves_and_calls_out(
    machine: Machine,
) -> None:
    machine.write(FILE, BOTH)
    provision(machine, "production", "--yes")
    machine.run(["systemd-analyze", "security", "--threshold=15", "homeport-production@blue.service"])
    (status,) = machine.run(["pgrep", "--uid", "homeport-production", "--list-full"]).out.splitlines()
    assert "serve production" in status
    machine.start(["python3", "-m", "http.server", "9000", "--bind", "127.0.0.1"], log="/root/receiver")
    machine.until(lambda: machine.answers("http://127.0.0.1:9000/"))
    made = homeport(machine, "token", "create", "production", "--name", "admin", "--scope", "admin").out.splitlines()[0]
    admin = {"Authorization": f"Bearer {made}", "Content-Type": "application/json"}
    call(machine, "/mcp", admin, "create_webhook", url="http://127.0.0.1:9000/told")
    call(machine, "/mcp", admin, "create_project", id="p", name="P", description="told")
    machine.until(lambda: '"POST /told HTTP' in machine.read("/root/receiver"), within=60)


def test_the_second_slot_takes_over_from_the_first_and_provision_leaves_it_so(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    provision(machine, "production", "--yes")
    blue, green = "homeport-production@blue.service", "homeport-production@green.service"
    machine.systemctl("start", green)
    machine.systemctl("stop", blue)
    machine.until(lambda: machine.answers(f"{PLAIN}/health"))
    states = [machine.unit(unit, "ActiveState")["ActiveState"] for unit in (blue, green)]
    assert states == ["inactive", "active"]
    assert "nothing to do" in provision(machine, "production", "--yes").out
    # Another port reaches the slot that runs.
    machine.write(FILE, BOTH.replace('"nginx"', '"nginx"\nhttp_port = 4444', 1))
    provision(machine, "production", "--yes")
    assert machine.get(f"{PLAIN}/health").headers["x-mcp-environment"] == "production"
    assert not machine.answers("http://127.0.0.1:3444/health")
    assert machine.answers("http://127.0.0.1:4444/health")


def test_what_the_timers_start_works_in_its_sandbox(machine: Machine) -> None:
    machine.write(FILE, BOTH)
    provision(machine, "production", "--yes")
    bearer = token(machine, "production")
    call(machine, "/mcp", bearer, "create_project", id="p", name="P", description="kept")
    machine.systemctl("start", "homeport-production-backup.service")
    (backup,) = json.loads(homeport(machine, "backup", "list", "production", "--json").out)["backups"]
    assert backup["state"] == "good"
    machine.systemctl("start", "homeport-production-doctor.service")
    assert machine.systemctl("--failed", "--no-legend") == ""
    # What the doctor saw is on the page, which the server makes as its own user.
    jar = ["curl", "--silent", "--cookie", "/root/jar", "--cookie-jar", "/root/jar", "--header", "Accept: text/html"]
    seal = re.search(r'name="seal" value="(\w+)"', machine.run([*jar, f"{PLAIN}/sign-in"]).out)
    assert seal is not None
    shown = bearer["Authorization"].removeprefix("Bearer ")
    machine.run([*jar, "--data", f"seal={seal[1]}", "--data", f"token={shown}", f"{PLAIN}/sign-in"])
    page = machine.run([*jar, f"{PLAIN}/environments/production"]).out
    assert "when the doctor looked" in page
    assert ": 1 backup<" in page
    # The server goes on writing: nothing of its data became root's.
    call(machine, "/mcp", bearer, "create_project", id="q", name="Q", description="more")
    owners = machine.run(["find", "/srv/team/production/data", "-printf", "%u\n"]).out.split()
    assert set(owners) == {"homeport-production"}
    assert machine.systemctl("show", "--property=NextElapseUSecRealtime", "homeport-production-backup.timer") != ""


@pytest.mark.parametrize("user", ["kai"])
def test_an_ordinary_user_may_look_and_is_told_what_it_needs(machine: Machine, user: str) -> None:
    machine.add_user(user)
    machine.write(FILE, BOTH)
    told = machine.run(["homeport", "provision", "production", "--config", FILE, "--yes"], user=user, check=False)
    assert (told.code, "sudo homeport provision production" in told.err) == (3, True)
    told = machine.run(["homeport", "provision", "production", "--config", FILE, "--dry-run"], user=user)
    assert f"would write {SERVICE}" in told.out
