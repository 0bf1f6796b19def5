"""provision of a server that is not Homeport's own: a Node program with a directory of JSON files."""

from __future__ import annotations

from typing import Final

from tests.support.machine import Machine
from tests.system.provisioned import FILE, PLAIN, SERVICE, looks, provision

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
unit_credentials = ["api:/etc/keys/api"]
"""
KEY: Final = "/etc/keys/api"
SERVER: Final = """\
const fs = require("fs"), http = require("http");
const file = process.env.DATA + "/notes.json";
const key = fs.readFileSync(process.env.CREDENTIALS_DIRECTORY + "/api", "utf8");
const hidden = ["/home/kai/diary", "/root/.profile", "/etc/keys/api"].filter((path) => {
  try { fs.readFileSync(path); return false; } catch (error) { return true; }
});
http.createServer((request, response) => {
  const notes = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : [];
  if (request.method === "POST") {
    notes.push(request.url);
    fs.writeFileSync(file, JSON.stringify(notes));
  }
  response.end(JSON.stringify({ status: "ok", url: request.url, notes, key, hidden }));
}).listen(Number(process.env.HTTP_PORT), "127.0.0.1");
"""


def test_another_programs_server_runs_in_the_sandbox_and_answers_through_nginx(machine: Machine) -> None:
    machine.write(FILE, DECLARED)
    machine.write("/srv/app/server.js", SERVER)
    # Its data were written by somebody else until now, and lie elsewhere.
    machine.write("/mnt/notes/data/notes.json", '["old"]', mode=0o600)
    machine.add_user("kai")
    machine.write("/home/kai/diary", "everybody may read it", owner="kai")
    # What it is to be handed is not there yet.
    before = looks(machine)
    assert f"There is no {KEY}, which" in provision(machine, "production", "--yes", code=3).err
    assert looks(machine) == before
    machine.write(KEY, "correct-horse", mode=0o600)
    provision(machine, "production", "--yes")
    answer = machine.request("POST", f"{PLAIN}/mcp")
    assert answer.headers["x-mcp-environment"] == "production"
    told = answer.json()
    # It has the secret, and cannot read the file that it came from; of people's homes it sees nothing.
    assert told == {
        "status": "ok",
        "url": "/mcp",
        "notes": ["old", "/mcp"],
        "key": "correct-horse",
        "hidden": ["/home/kai/diary", "/root/.profile", KEY],
    }
    seen = [machine.read(path) for path in ("/srv/team/production/journal/operations.jsonl", SERVICE)]
    assert not [text for text in seen if "correct-horse" in text]
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
    machine.write(KEY, "correct-horse", mode=0o600)
    machine.write("/srv/app/server.js", 'throw new Error("no such luck");\n')
    machine.write("/mnt/notes/data/notes.json", "[]", mode=0o600)
    told = provision(machine, "production", "--yes", code=1)
    assert "no such luck" in told.err
    assert not machine.exists(SERVICE)
    assert machine.run(["stat", "--format=%U", "/mnt/notes/data/notes.json"]).out == "root\n"
    assert machine.run(["getent", "passwd", "homeport-production"], check=False).code != 0
