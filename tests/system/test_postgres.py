"""An environment whose data are in PostgreSQL, run by real systemd: docs/postgresql.md, done word for word.

Production goes over TCP with a password, which only systemd hands to its server; development goes over the socket, as
its own user. PostgreSQL is Debian's own, as its package leaves it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.later import LATER
from tests.support.machine import Machine, booted, join
from tests.support.machines.image import wheelhouse
from tests.system.harbour import DECLARED, Harbour, Load
from tests.system.provisioned import FILE, PLAIN, homeport, provision

pytestmark = pytest.mark.slow

CLUSTER: Final = "postgresql@15-main.service"
SECRET: Final = "/etc/homeport/production.password"
PASSWORD: Final = "a password of tests"
DATABASE: Final = f"""\
database = "postgresql://homeport_production@localhost/homeport_production"
database_password_file = "{SECRET}"
"""
DEVELOPMENT: Final = """
[environments.development]
backup_schedule = ""
drill_schedule = ""
doctor_schedule = ""
database = "postgresql://homeport-development@/homeport_development?host=/run/postgresql"
"""
HBA: Final = "local all homeport-development peer map=homeport\n"
IDENT: Final = "homeport homeport-development homeport-development\nhomeport root homeport-development\n"


@pytest.fixture(scope="module")
def harbour(image: Sequence[Path], machines_home: Path) -> Iterator[Harbour]:
    """A machine whose production serves from a database."""
    with booted(image, machines_home) as machine, wheelhouse() as wheels:
        make_database(machine)
        harbour = Harbour(machine, wheels, DATABASE)
        harbour.token_call("register_instance", instanceId="bob", role="dev")
        yield harbour


def make_database(machine: Machine, reached_from: str | None = None) -> None:
    """As docs/postgresql.md says it; also for a network of other machines, where one is named."""
    machine.systemctl("enable", "--now", "postgresql")
    as_postgres(machine, "createuser", "--pwprompt", "--createdb", "homeport_production", told=f"{PASSWORD}\n" * 2)
    utf8 = ("--encoding", "UTF8", "--template", "template0")
    as_postgres(machine, "createdb", "--owner", "homeport_production", *utf8, "homeport_production")
    machine.write(SECRET, f"{PASSWORD}\n", mode=0o600)
    if reached_from is not None:
        as_postgres(machine, "psql", "-qc", "ALTER SYSTEM SET listen_addresses = '*'")
        let_in(machine, f"host all homeport_production {reached_from} scram-sha-256\n")
        machine.systemctl("restart", CLUSTER)


def let_in(machine: Machine, line: str) -> None:
    """One more line, the first, in pg_hba.conf."""
    file = "/etc/postgresql/15/main/pg_hba.conf"
    machine.write(file, line + machine.read(file), mode=0o640, owner="postgres")


def as_postgres(machine: Machine, *words: str, told: str = "") -> str:
    return machine.run(words, user="postgres", input=told).out


def databases(machine: Machine) -> set[str]:
    names = as_postgres(machine, "psql", "-qtAc", "SELECT datname FROM pg_database").split()
    return {name for name in names if name.startswith("homeport")}


def findings(machine: Machine) -> dict[str, Any]:
    told = homeport(machine, "doctor", "production", "--json", check=False)
    assert told.code in (0, 4), told.err
    return {one["kind"]: one for one in json.loads(told.out)["findings"]}


def row(machine: Machine, environment: str = "production") -> Any:
    return json.loads(homeport(machine, "status", environment, "--json").out)["environments"][0]


def failed(machine: Machine, *words: str, code: int) -> str:
    """A command that ends with this code; what it said."""
    told = homeport(machine, *words, check=False)
    assert told.code == code, f"{told.code}:\n{told.out}{told.err}"
    return told.err


def send(harbour: Harbour, subject: str) -> None:
    harbour.token_call("send_message", **{"from": "ann", "to": "bob", "subject": subject, "content": "c"})


def subjects(harbour: Harbour) -> list[str]:
    """Of the messages to bob, without those of the doctor."""
    return [one for one in harbour.subjects() if not one.startswith("production:")]


def serving(harbour: Harbour) -> tuple[str, dict[str, str]]:
    """The slot that serves, and what systemd counts of it."""
    slot = next(slot for slot, (state, _) in harbour.slots().items() if state in ("active", "activating"))
    unit = f"homeport-production@{slot}.service"
    return unit, harbour.machine.unit(unit, "MainPID", "NRestarts")


def test_releases_come_and_go_with_a_migration_and_nobody_is_refused(harbour: Harbour) -> None:
    machine = harbour.machine
    harbour.token_call("create_project", id="p", name="small", description="d")
    # Only the server's unit is handed the password: its user cannot read the file, and is in nobody's list of words.
    assert machine.run(["cat", SECRET], user="homeport-production", check=False).code == 1
    assert PASSWORD not in machine.read(f"/proc/{serving(harbour)[1]['MainPID']}/cmdline")
    with Load(harbour, 1200) as load:
        homeport(machine, "restart", "production")
        first = harbour.deploy()["release"]
        harbour.commit(harbour.migration(previous=False))
        made = harbour.deploy()
        assert made["hand_over"]["migrations"] == [LATER]
        send(harbour, "since")
    assert load.found["failed"] == []
    assert harbour.token_call("get_project", id="p")["project"]["name"] == "SMALL"
    # In the sandbox, as its user, a rehearsal finds what would not be allowed; nothing that serves was touched.
    place = "    log = Log(settings.environment, settings.log_format)\n"
    broken = '    Path("/var/lib/homeport.cache").write_text("x")\n'
    harbour.commit(harbour.patched("src/homeport/server/serving.py", place, place + broken))
    states = harbour.slots()
    assert "Read-only file system" in harbour.deploy(code=1)["error"]["message"]
    assert harbour.slots() == states
    way = ("rollback", "production", "--to", first, "--watch", "1")
    assert harbour.change(*way, code=3)["error"]["details"]["lost"]["messages"] > 0
    harbour.change(*way, "--lose")
    harbour.serves_healthy(first)
    assert harbour.token_call("get_project", id="p")["project"]["name"] == "small"
    assert subjects(harbour) == []
    kept = databases(machine) - {"homeport_production"}
    assert {one.rpartition("_")[0] for one in kept} == {"homeport_production_before_rollback"}
    assert machine.systemctl("--failed", "--no-legend") == ""


def test_a_backup_is_made_drilled_and_restored_in_their_sandboxes(harbour: Harbour) -> None:
    machine = harbour.machine
    machine.write(FILE, DECLARED.replace('_schedule = ""', '_schedule = "yearly"') + DATABASE)
    provision(machine, "production", "--yes")
    send(harbour, "kept")
    for what in ("backup", "drill", "doctor"):
        machine.systemctl("start", f"homeport-production-{what}.service")
    assert findings(machine).keys() <= {"backup-same-disk", "database-kept", "stale-data"}
    send(harbour, "lost")
    homeport(machine, "restore", "production", "latest", "--yes")
    assert subjects(harbour) == ["kept"]
    assert harbour.health["last_drill"] is not None


def test_a_database_that_goes_away_is_waited_for_and_the_unit_is_not_restarted(harbour: Harbour) -> None:
    machine = harbour.machine
    send(harbour, "before")
    stored, before = subjects(harbour), serving(harbour)
    machine.systemctl("stop", CLUSTER)
    machine.until(lambda: machine.get(f"{PLAIN}:3444/health").status == 503)
    assert row(machine)["condition"] == "ill"
    (reason,) = row(machine)["reasons"]
    assert reason.count("Connection refused") == 1
    assert "homeport start" not in findings(machine)["database-unreachable"]["mend"]
    assert "Connection refused" in failed(machine, "backup", "create", "production", code=1)
    # It would not help, and does no harm: the next server waits, and says for what.
    said = failed(machine, "restart", "production", "--wait", "1", code=1)
    assert (
        "was not healthy within 1 seconds: The database this machine:5432/homeport_production cannot be reached" in said
    )
    machine.until(lambda: "it waits for its data: The database" in row(machine)["reasons"][0])
    machine.systemctl("start", CLUSTER)
    machine.until(lambda: row(machine)["condition"] == "healthy")
    assert serving(harbour)[1]["NRestarts"] == "0"
    assert serving(harbour) != before
    assert subjects(harbour) == stored
    # While it serves, it goes on by itself.
    before = serving(harbour)
    machine.systemctl("restart", CLUSTER)
    send(harbour, "after")
    assert serving(harbour) == before
    assert subjects(harbour) == ["after", *stored]


def test_a_password_that_is_wrong_or_read_by_others_is_named_and_what_serves_goes_on(harbour: Harbour) -> None:
    machine, before, stored = harbour.machine, serving(harbour), subjects(harbour)
    wrong = 'password authentication failed for user "homeport_production"'
    machine.write(SECRET, "another\n", mode=0o600)
    assert wrong in failed(machine, "restart", "production", code=78)
    assert serving(harbour) == before
    found = findings(machine)
    assert wrong in found["database-unreachable"]["evidence"][0]
    assert "crash-loop" not in found
    homeport(machine, "stop", "production")
    assert wrong in failed(machine, "start", "production", code=78)
    # Exit code 78 is not tried again.
    unit = machine.unit("homeport-production@blue.service", "NRestarts", "Result", "ExecMainStatus", "SubState")
    assert unit == {"NRestarts": "0", "Result": "exit-code", "ExecMainStatus": "78", "SubState": "failed"}
    assert wrong in row(machine)["reasons"][0]
    machine.write(SECRET, f"{PASSWORD}\n", mode=0o644)
    for words in (("provision", "production", "--yes"), ("token", "list", "production")):
        assert f"The password in {SECRET} may be read by others." in homeport(machine, *words, check=False).err
    assert findings(machine)["database-unreachable"]["mend"].startswith(f"chmod go= {SECRET}")
    machine.run(["rm", SECRET])
    assert f"There is no {SECRET}" in provision(machine, "production", "--yes", code=3).err
    assert "243/CREDENTIALS" in failed(machine, "start", "production", code=1)
    machine.write(SECRET, f"{PASSWORD}\n", mode=0o600)
    homeport(machine, "start", "production")
    machine.reboot()
    machine.until(lambda: row(machine)["condition"] == "healthy")
    assert subjects(harbour) == stored


def test_another_one_over_the_socket_as_its_own_user_takes_the_data_and_moves_to_a_file(harbour: Harbour) -> None:
    machine = harbour.machine
    as_postgres(machine, "createuser", "--createdb", "homeport-development")
    as_postgres(
        machine, "createdb", "--owner=homeport-development", "--encoding=UTF8", "-Ttemplate0", "homeport_development"
    )
    let_in(machine, HBA)
    machine.write("/etc/postgresql/15/main/pg_ident.conf", IDENT, mode=0o640, owner="postgres")
    machine.systemctl("reload", CLUSTER)
    machine.write(FILE, machine.read(FILE) + DEVELOPMENT)
    provision(machine, "development", "--yes")
    homeport(machine, "sync", "production", "development", "--yes")
    assert row(machine, "development")["condition"] == "healthy"
    counts = machine.get(f"{PLAIN}:3446/api/v1/stats/messages").json()
    refused = failed(machine, "data", "move", "development", "--to", "file", "--yes", code=3)
    assert "homeport stop development, then move, then homeport provision development" in refused
    homeport(machine, "stop", "development")
    homeport(machine, "data", "move", "development", "--to", "file", "--yes")
    provision(machine, "development", "--yes")
    assert machine.get(f"{PLAIN}:3446/api/v1/stats/messages").json() == counts
    assert machine.exists("/srv/team/development/data/homeport.db")


# --- two machines, one database, and a proxy in front of both -------------------------------------------------------

FIRST, SECOND = "10.9.0.1", "10.9.0.2"
FLEET: Final = "".join(
    f"""\
upstream {name} {{
    server {FIRST}:{port} max_fails=1 fail_timeout=5s;
    server {SECOND}:{port} max_fails=1 fail_timeout=5s;
}}
server {{
    listen 127.0.0.1:{front};
    location / {{
        proxy_pass http://{name};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_buffering off;
        proxy_connect_timeout 2s;
        proxy_read_timeout {patience};
        proxy_next_upstream error timeout http_503;
    }}
}}
"""
    for name, port, front, patience in (("homeport", 3444, 8080, "130s"), ("homeport-sse", 3445, 8081, "1h"))
)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_release_rolls_through_two_machines_and_no_request_is_refused_and_no_message_lost(
    machine: Machine, second_machine: Machine
) -> None:
    more = DATABASE.replace("localhost", FIRST) + 'listen = "0.0.0.0"\n'
    join(machine, FIRST, second_machine, SECOND)
    with wheelhouse() as wheels:
        make_database(machine, reached_from="10.9.0.0/24")
        second_machine.write(SECRET, f"{PASSWORD}\n", mode=0o600)
        fleet = [Harbour(machine, wheels, more), Harbour(second_machine, wheels, more)]
    machine.write("/etc/nginx/conf.d/fleet.conf", FLEET)
    machine.tell_nginx("systemctl", "reload", "nginx")
    assert len({one.health["identity"] for one in fleet}) == 1
    with Load(fleet[0], 1200, ports=(8080, 8080, 8081)) as load:
        for one in fleet:
            one.commit(one.migration(previous=True))
            made = one.deploy()
            assert made["hand_over"]["held_seconds"] == 0
    assert [one.health["schema_version"] for one in fleet] == [LATER, LATER]
    assert None not in [one.health["release"] for one in fleet]
    assert load.found["failed"] == []
    counted = "SELECT count(*) FROM messages WHERE subject = 's'"
    kept = as_postgres(machine, "psql", "-qtAc", counted, "homeport_production")
    assert int(kept) == load.found["sent"] > 500
