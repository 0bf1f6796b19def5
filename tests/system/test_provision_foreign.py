"""provision of a server that is not Homeport's own: a Node program with a directory of JSON files."""

from __future__ import annotations

from typing import Final

from tests.support.machine import Machine
from tests.system.provisioned import FILE, PLAIN, SERVICE, provision

UNIT: Final = "homeport-production@blue.service"
DECLARED: Final = """\
[environments.production]
proxy = "nginx"
protocols = ["http"]
command = ["/usr/bin/node", "server.js"]
working_directory = "/srv/app"
variables = { HTTP_PORT = "3444", DATA = "/mnt/notes/data" }
data = "/mnt/notes/data"
health_says = { status = "ok" }
"""
SERVER: Final = """\
const fs = require("fs"), http = require("http");
const file = process.env.DATA + "/notes.json";
http.createServer((request, response) => {
  const notes = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : [];
  if (request.method === "POST") {
    notes.push(request.url);
    fs.writeFileSync(file, JSON.stringify(notes));
  }
  response.end(JSON.stringify({ status: "ok", url: request.url, notes }));
}).listen(Number(process.env.HTTP_PORT), "127.0.0.1");
"""


def test_another_programs_server_runs_in_the_sandbox_and_answers_through_nginx(machine: Machine) -> None:
    machine.write(FILE, DECLARED)
    machine.write("/srv/app/server.js", SERVER)
    # Its data were written by somebody else until now, and lie elsewhere.
    machine.write("/mnt/notes/data/notes.json", '["old"]', mode=0o600)
    provision(machine, "production", "--yes")
    answer = machine.request("POST", f"{PLAIN}/mcp")
    assert answer.headers["x-mcp-environment"] == "production"
    assert answer.json() == {"status": "ok", "url": "/mcp", "notes": ["old", "/mcp"]}
    owner = machine.run(["stat", "--format=%U", "/mnt/notes/data", "/mnt/notes/data/notes.json"]).out.split()
    assert owner == ["homeport-production"] * 2
    machine.run(["systemd-analyze", "security", "--threshold=20", UNIT])
    machine.run(["logrotate", "--debug", "/etc/logrotate.d/homeport-production"])
    assert "nothing to do" in provision(machine, "production", "--yes").out
    machine.reboot()
    machine.until(lambda: machine.answers(f"{PLAIN}/health"), within=60)
    assert '"old","/mcp"' in machine.get(f"{PLAIN}/mcp").body
    provision(machine, "production", "--unprovision", "--yes")
    assert machine.read("/mnt/notes/data/notes.json") == '["old","/mcp"]'
    assert not machine.exists(SERVICE)


def test_one_that_does_not_come_up_is_undone_with_its_last_words(machine: Machine) -> None:
    machine.write(FILE, DECLARED)
    machine.write("/srv/app/server.js", 'throw new Error("no such luck");\n')
    machine.write("/mnt/notes/data/notes.json", "[]", mode=0o600)
    told = provision(machine, "production", "--yes", code=1)
    assert "no such luck" in told.err
    assert not machine.exists(SERVICE)
    assert machine.run(["stat", "--format=%U", "/mnt/notes/data/notes.json"]).out == "root\n"
    assert machine.run(["getent", "passwd", "homeport-production"], check=False).code != 0
