"""A machine on which all is well, to be made ill by one fault at a time and mended by what the doctor says."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tests.support.machine import Background, Machine
from tests.support.machines.answers import Result

ROOT: Final = "/srv/team"
FILE: Final = f"{ROOT}/homeport.toml"
PLAIN: Final = "http://127.0.0.1"
ELSEWHERE: Final = "/mnt/backups"
CREDENTIALS: Final = f"{ROOT}/credentials.toml"
KEY: Final = f"{ROOT}/key"
ENVIRONMENTS: Final = ("production", "development", "notes", "trial")
DECLARED: Final = f"""\
[environments.production]
proxy = "nginx"

[environments.production.backup]
places = ["{ELSEWHERE}"]
credentials = "{CREDENTIALS}"

[environments.development]
proxy = "nginx"

[environments.notes]
proxy = "nginx"
protocols = ["http"]
http_port = 3460
command = ["/usr/bin/node", "server.js"]
working_directory = "/srv/app"
variables = {{ PORT = "3460", DATA = "{ROOT}/notes/data" }}
health_says = {{ status = "ok" }}

[environments.trial]
unit_credentials = ["key:{KEY}"]
protocols = ["http"]
http_port = 3462
command = ["/usr/bin/node", "server.js"]
working_directory = "/srv/app"
variables = {{ PORT = "3462", DATA = "{ROOT}/trial/data" }}
health_says = {{ status = "ok" }}
"""
SITE: Final = "/etc/nginx/conf.d/team.conf"
WELL_PASSED: Final = "proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 1h;"
JOB: Final = "/etc/cron.d/notes"
SAVED: Final = f"{ROOT}/archives"
SAVES: Final = f"#!/bin/sh\ntar -czf {SAVED}/notes-$(date +%s%N).tar.gz -C {ROOT}/notes/data .\n"
TIMELESS: Final = {
    "/etc/systemd/system/timekeeper.service": "[Service]\nExecStart=/bin/sleep infinity\n"
    "[Install]\nWantedBy=multi-user.target\n",
    "/etc/systemd/ntp-units.d/50-timekeeper.list": "timekeeper.service\n",
    "/etc/systemd/system/systemd-timedated.service.d/asks-nobody.conf": "[Service]\n"
    "SystemCallFilter=~adjtimex clock_adjtime\n",
}
READER: Final = """
import signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("select count(*) from sqlite_master").fetchall()
print(sqlite3.sqlite_version, flush=True)
signal.pause()
"""
SERVER: Final = """\
const fs = require("fs"), http = require("http");
const data = process.env.DATA;
fs.openSync(data + "/server.log", "a");
http.createServer((request, response) => {
  const notes = JSON.parse(fs.readFileSync(data + "/notes.json"));
  const status = fs.existsSync(data + "/ill") ? "ill" : "ok";
  response.end(JSON.stringify({ status, url: request.url, notes: notes.length }));
}).listen(Number(process.env.PORT), "127.0.0.1");
"""
MOUNTS: Final = f"""\
tmpfs {ELSEWHERE} tmpfs mode=0700,nofail 0 0
tmpfs {ROOT}/trial-backups tmpfs size=16M,mode=0700,nofail 0 0
"""


@dataclass(frozen=True)
class Patient:
    """The machine, and what one does with it."""

    machine: Machine
    left_ill: list[str] = field(default_factory=list)
    """By which test, so that the next ones do not look for what it left."""

    def homeport(self, *words: str, code: int = 0) -> Result:
        told = self.machine.run(["homeport", *words, "--config", FILE], check=False, timeout=300)
        assert told.code == code, f"homeport {words}: {told.code}\n{told.out}{told.err}"
        return told

    def findings(self, *words: str) -> list[dict[str, Any]]:
        told = self.machine.run(["homeport", "doctor", *words, "--json", "--config", FILE], check=False)
        assert told.code in (0, 4), f"{told.code}\n{told.out}{told.err}"
        found: list[dict[str, Any]] = json.loads(told.out)["findings"]
        assert bool(found) == (told.code == 4)
        return found

    def shows(self, kind: str, environment: str | None) -> dict[str, Any]:
        """What the doctor says of the fault that was made; nothing else may be found."""
        found = self.findings()
        assert [(one["kind"], one["environment"]) for one in found] == [(kind, environment)], json.dumps(
            found, indent=1
        )
        return found[0]

    def mend(self, finding: dict[str, Any], command: str) -> None:
        """Runs a command that the finding names, as somebody who reads it does."""
        assert command in finding["mend"], finding
        words = shlex.split(command)
        more = ["--config", FILE] if words[0] == "homeport" else []
        more += ["--yes"] if words[:2] == ["homeport", "provision"] else []
        if words == ["nginx", "-s", "reload"]:
            self.machine.tell_nginx(*words)
        else:
            self.machine.run([*words, *more], timeout=300)

    def is_silent(self) -> None:
        found = self.findings()
        assert not found, json.dumps(found, indent=1)

    def by_hand(self, argv: Sequence[str], port: int, *, cwd: str, env: dict[str, str] | None = None) -> Background:
        """A server that somebody starts, once it answers."""
        started = self.machine.start(argv, cwd=cwd, env=env, log="/root/by-hand.log")
        self.machine.until(lambda: self.machine.answers(f"{PLAIN}:{port}/"))
        return started


def prepare(machine: Machine) -> Patient:
    """What stands on it before Homeport comes: disks, another program, its data."""
    machine.write(FILE, DECLARED)
    machine.write(CREDENTIALS, "", mode=0o600)
    machine.write(KEY, "correct-horse", mode=0o600)
    machine.write("/srv/app/server.js", SERVER)
    for name in ("notes", "trial"):
        machine.write(f"{ROOT}/{name}/data/notes.json", json.dumps([f"{name} {number}" for number in range(2000)]))
    machine.write("/etc/fstab", MOUNTS)
    machine.run(["mkdir", "-p", ELSEWHERE, f"{ROOT}/trial-backups"])
    machine.run(["mount", "--all"])
    return Patient(machine)


def site(patient: Patient, *locations: str) -> None:
    """A server block of somebody's own, which leads to the environments; nginx runs by it."""
    lines = "".join(f"    location {one}\n" for one in locations)
    patient.machine.write(SITE, f"server {{\n    listen 127.0.0.1:80;\n    server_name team.example;\n{lines}}}\n")
    patient.machine.tell_nginx("nginx", "-s", "reload")


def passed(path: str, to: str, more: str = WELL_PASSED) -> str:
    """A location that leads there."""
    return f"{path} {{ proxy_pass {to}; {more} }}"


def reload_without(patient: Patient, found: dict[str, Any], line: int) -> None:
    """What the finding says: that line is mended (here, taken out), and nginx told of it."""
    patient.machine.run(["sed", "--in-place", f"{line}d", SITE])
    patient.mend(found, "nginx -s reload")
    patient.is_silent()
    patient.machine.run(["rm", SITE])
    patient.machine.tell_nginx("nginx", "-s", "reload")


WELL: Final = (
    passed("/mcp", "http://127.0.0.1:3444/mcp"),
    passed("/mcp/dev", "http://127.0.0.1:3446/mcp"),
)


def header_of(patient: Patient, path: str) -> tuple[int, str | None]:
    """The status of what nginx answers, and the environment that it is said to be from."""
    answer = patient.machine.get(f"{PLAIN}{path}", headers={"Host": "team.example"})
    return answer.status, answer.headers.get("x-mcp-environment")


@contextmanager
def saving(patient: Patient) -> Iterator[None]:
    """Somebody's own job, which saves the notes and has done so forty minutes ago."""
    machine = patient.machine
    machine.write("/usr/local/bin/save-notes", SAVES, mode=0o755)
    machine.run(["mkdir", "-p", SAVED])
    machine.run(["save-notes"])
    due = machine.run(["date", "--date=40 minutes ago", "+%-M %-H"]).out.strip()
    machine.write(JOB, f"{due} * * * root /usr/local/bin/save-notes\n")
    patient.is_silent()
    yield
    machine.run(["rm", "-r", JOB, SAVED, "/usr/local/bin/save-notes"])


@contextmanager
def without_the_time(patient: Patient) -> Iterator[None]:
    """A machine with a service that systemd takes for one that sets its clock, and has not done so.

    A container has its host's clock. So that it makes no difference how right that is, the service which says whether
    it is synchronised may not ask the kernel, and says no, as it does until a clock is set.
    """
    machine = patient.machine
    for file, text in TIMELESS.items():
        machine.write(file, text)
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", "systemd-timedated")
    yield
    machine.systemctl("disable", "--now", "timekeeper.service")
    machine.run(["rm", *TIMELESS])
    machine.systemctl("daemon-reload")
    machine.systemctl("restart", "systemd-timedated")
