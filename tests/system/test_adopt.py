"""adopt on a real machine: what it refuses, what it puts back, and what a run leaves that is killed."""

from __future__ import annotations

from typing import Final

from tests.support.incident import DATA, FILE, NODE, ROOT, homeport
from tests.support.machine import Machine
from tests.support.machines.answers import Result
from tests.system.hand_started import PLAIN, SECRET, holder, node, runs_as_it_was_started

JOURNAL: Final = f"{ROOT}/production/journal"
DYING: Final = """
import os, signal, sys
from homeport.host.journal import Journal

kind, when = sys.argv[1], sys.argv[2]
begins, done = Journal.step_begins, Journal.step_done
plan = {}
begin = Journal.begin

def remember(self, operation, made, *rest):
    plan[operation] = made
    begin(self, operation, made, *rest)

def dying(method, mine):
    def wrapped(self, operation, number, *rest):
        method(self, operation, number, *rest)
        if mine == when and type(plan[operation].steps[number]).__name__ == kind:
            os.kill(os.getpid(), signal.SIGKILL)
    return wrapped

Journal.begin = remember
Journal.step_begins = dying(begins, "begun")
Journal.step_done = dying(done, "done")
from homeport.cli import main
sys.exit(main(sys.argv[3:]))
"""


def holds_no_secret(machine: Machine, told: Result) -> None:
    assert SECRET not in told.out + told.err + machine.read(f"{JOURNAL}/operations.jsonl")
    assert machine.run(
        ["grep", "-rl", SECRET, JOURNAL, "/etc/systemd", f"{ROOT}/production-backups"], check=False
    ).out in (
        "",
        f"{JOURNAL}/adopted-1.json\n",
    )


def test_what_is_not_as_declared_is_refused_and_nothing_is_changed(machine: Machine) -> None:
    server = node(machine)
    before = machine.run(["find", "/etc/systemd/system", ROOT, "-printf", "%p %u %m\n"]).out
    machine.write(FILE, NODE.replace("[environments.production]\n", '[environments.production]\ndata = "elsewhere"\n'))
    assert DATA in homeport(machine, "adopt", "production", "--yes", code=3).err
    machine.write(FILE, NODE.replace('working_directory = "production"', 'working_directory = "/root"'))
    assert "/root is closed to other users" in homeport(machine, "adopt", "production", "--yes", code=3).err
    machine.write(FILE, NODE)
    assert "was not adopted" in homeport(machine, "adopt", "production", "--put-back", "--yes", code=3).err
    told = machine.run(["homeport", "adopt", "production", "--yes", "--config", FILE], user="kai", check=False)
    assert (told.code, "only root may" in told.err) == (3, True)
    assert server.is_running
    server.kill()
    assert "there is nothing to adopt" in homeport(machine, "adopt", "production", "--yes", code=3).err
    machine.start(["python3", "-m", "http.server", "3444", "--bind", "127.0.0.1"], cwd="/tmp")  # noqa: S108 - on a machine of its own
    machine.until(lambda: machine.answers(f"{PLAIN}/"))
    assert "none of its servers" in homeport(machine, "adopt", "production", "--yes", code=3).err
    after = machine.run(["find", "/etc/systemd/system", ROOT, "-printf", "%p %u %m\n"]).out
    assert [line for line in after.splitlines() if "/journal" not in line] == before.splitlines()


def test_a_server_that_does_not_come_up_is_put_back_as_it_was_started(machine: Machine) -> None:
    node(machine, NODE.replace('HTTP_PORT = "3444"', 'HTTP_PORT = "3555"'))
    told = homeport(machine, "adopt", "production", "--yes", code=1)
    assert "is not healthy" in told.err
    runs_as_it_was_started(machine)
    holds_no_secret(machine, told)
    assert not machine.exists(f"{JOURNAL}/adopted-1.json")
    assert not machine.exists("/etc/systemd/system/homeport-production@.service")

    machine.write(FILE, NODE)
    told = homeport(machine, "adopt", "production", "--yes")
    holds_no_secret(machine, told)
    assert machine.run(["stat", "--format=%a %U", f"{JOURNAL}/adopted-1.json"]).out == "600 root\n"
    assert machine.run(["ps", "-o", "user=", holder(machine)]).out.strip().startswith("homepor")
    holds_no_secret(machine, homeport(machine, "adopt", "production", "--put-back", "--yes"))
    runs_as_it_was_started(machine)
    assert "already" in homeport(machine, "adopt", "production", "--put-back", "--yes", code=3).err


def test_a_run_that_was_killed_after_its_point_of_no_return_is_finished_by_the_next(machine: Machine) -> None:
    node(machine)
    machine.write("/root/dying.py", DYING)
    adopt = ["adopt", "production", "--yes", "--config", FILE]
    machine.run(["/opt/homeport/bin/python", "-P", "/root/dying.py", "CheckData", "done", *adopt], check=False)
    assert machine.unit("homeport-production-backup.timer", "ActiveState")["ActiveState"] == "inactive"
    told = homeport(machine, "adopt", "production", "--yes", code=3)
    assert "was not started by hand" in told.err
    assert machine.unit("homeport-production-backup.timer", "ActiveState")["ActiveState"] == "active"
    assert machine.answers(f"{PLAIN}/health")
    assert "nothing to do" in homeport(machine, "provision", "production", "--yes").out
