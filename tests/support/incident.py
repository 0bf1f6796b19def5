"""The machine of the proposal, rebuilt: a server started by hand, a unit in an endless restart, a wrong backup job."""

from __future__ import annotations

import json
import textwrap
from itertools import pairwise
from typing import Any, Final

from tests.support.machine import Background, Machine
from tests.support.machines.answers import Result

ROOT: Final = "/srv/coordination"
FILE: Final = f"{ROOT}/homeport.toml"
DATA: Final = f"{ROOT}/production/data"
STALE: Final = f"{ROOT}/production-data"
ELSEWHERE: Final = "/mnt/backups"
UNIT: Final = "mcp-coordination.service"
BACKUPS: Final = f"""
[environments.production.backup]
places = ["{ELSEWHERE}"]
"""
OWN: Final = f"""\
[environments.production]
{BACKUPS}
[environments.development]
"""
NODE_PROGRAM: Final = r"""
const fs = require("fs"), http = require("http"), path = require("path");
const data = process.env.DATA_DIR, port = Number(process.env.HTTP_PORT);
const file = path.join(data, "messages", "inbox", "inbox.json");
const inbox = JSON.parse(fs.readFileSync(file));
const server = http.createServer((request, response) => {
  const answer = (status, value) => {
    response.writeHead(status, {"Content-Type": "application/json"});
    response.end(JSON.stringify(value));
  };
  if (request.url === "/health") return answer(200, {status: "healthy"});
  if (request.method !== "POST") return answer(200, {messages: inbox.messages.length});
  let text = "";
  request.on("data", (part) => { text += part; });
  request.on("end", () => {
    inbox.messages.push(JSON.parse(text));
    const beside = file + ".new";
    fs.writeFileSync(beside, JSON.stringify(inbox), {flush: true});
    fs.renameSync(beside, file);
    answer(200, {stored: inbox.messages.length});
  });
});
server.listen(port, "127.0.0.1", () => console.log("listening on " + port));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
"""
NODE: Final = f"""\
[environments.production]
protocols = ["http"]
command = ["/usr/bin/node", "src/streamable-http-server.js"]
working_directory = "production"
variables = {{ DATA_DIR = "{DATA}", HTTP_PORT = "3444" }}
health_says = {{ status = "healthy" }}
{BACKUPS}
[environments.development]
"""
OLD_UNIT: Final = f"""\
[Unit]
Description=MCP coordination

[Service]
Type=simple
User=root
Group=root
WorkingDirectory={ROOT}/production
ExecStart={{command}}
{{variables}}ReadWritePaths={STALE}
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ProtectHome=yes
Restart=always
RestartSec=3

[Install]
WantedBy=multi-user.target
"""
CRON: Final = f"0 */6 * * * root tar -czf {ROOT}/production-data-backups/data-$(date +\\%s).tar.gz -C {STALE} .\n"
WRITER: Final = """
import json, sys, time, urllib.request
url, token, log = sys.argv[1:4]
number = 0
with open(log, "a") as done:
    while True:
        call = {"name": "send_message", "arguments": {"to": "all", "from": "kai", "subject": f"number {number}",
                "content": "written while it is adopted", "idempotency_key": f"n{number}"}}
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call}
                          if token else {"id": f"n{number}", "body": "written while it is adopted"}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                told = json.load(answer)
            if token and (told.get("error") or told["result"].get("isError")):
                raise OSError(str(told))
        except (OSError, ValueError) as error:
            print("refused", time.monotonic(), error, file=sys.stderr, flush=True)
            time.sleep(0.01)
            continue
        done.write(f"{number} {time.monotonic()}\\n")
        done.flush()
        number += 1
"""


def homeport(machine: Machine, *arguments: str, code: int | None = 0) -> Result:
    """Runs ``homeport`` with the declaration; the test fails where it ends with another code."""
    told = machine.run(["homeport", *arguments, "--config", FILE], check=False, timeout=300)
    assert code is None or told.code == code, f"homeport {arguments}: {told.code}\n{told.out}{told.err}"
    return told


def findings(machine: Machine, *arguments: str) -> list[dict[str, Any]]:
    """What ``homeport doctor`` finds; its exit code says whether it is something."""
    told = homeport(machine, "doctor", *arguments, "--json", code=None)
    assert told.code in (0, 4), f"{told.code}\n{told.out}{told.err}"
    found: list[dict[str, Any]] = json.loads(told.out)["findings"]
    assert bool(found) == (told.code == 4)
    return found


def kinds(machine: Machine, *arguments: str) -> list[tuple[str, str | None]]:
    """The kinds of what is found, and whose they are, in order."""
    return sorted((one["kind"], one["environment"]) for one in findings(machine, *arguments))


def declare(machine: Machine, text: str) -> None:
    """Writes the declaration, and mounts the other disk that backups are copied to."""
    machine.write(FILE, text)
    machine.write("/etc/fstab", f"tmpfs {ELSEWHERE} tmpfs mode=0700,nofail 0 0\n")
    machine.run(["mkdir", "-p", ELSEWHERE])
    machine.run(["mount", ELSEWHERE])


def start_own(machine: Machine) -> Background:
    """Homeport's own server, as somebody starts it: in a shell that is closed afterwards."""
    machine.run(["mkdir", "-p", DATA, f"{ROOT}/production/logs", f"{ROOT}/production/journal"])
    machine.run(["chmod", "700", DATA])
    server = machine.start(
        ["homeport", "serve", "production", "--config", FILE],
        env={"HOMEPORT_SECRET": "of the shell"},
        cwd=f"{ROOT}/production",
        log=f"{ROOT}/production/logs/server.log",
    )
    machine.until(lambda: machine.answers("http://127.0.0.1:3444/health"))
    return server


def spoil(machine: Machine, command: str, variables: str = "", *, units: str = "/etc/systemd/system") -> None:
    """Everything that was wrong besides: the unit, the job, and the directory that is nobody's any more.

    Args:
        units: where the unit stands; a package puts it into /usr/lib/systemd/system.
    """
    machine.run(["mkdir", "-p", f"{ROOT}/production-data-backups", f"{STALE}/messages/inbox", f"{STALE}/projects"])
    machine.write(f"{STALE}/instances.json", '{"instances": []}')
    machine.write(f"{STALE}/messages/inbox/inbox.json", '{"messages": []}')
    machine.run(["find", STALE, "-exec", "touch", "--date", "3 days ago", "{}", "+"])
    machine.write("/etc/cron.d/coordination-backup", CRON)
    machine.write(f"{units}/{UNIT}", OLD_UNIT.format(command=command, variables=variables))
    machine.systemctl("daemon-reload")
    machine.systemctl("enable", "--quiet", UNIT)
    machine.systemctl("start", "--no-block", UNIT)
    machine.until(lambda: int(machine.unit(UNIT, "NRestarts")["NRestarts"]) >= 3)


def write_meanwhile(machine: Machine, url: str, token: str = "") -> Background:
    """Somebody who goes on writing, and keeps a list of what was acknowledged and when."""
    machine.write("/root/writer.py", textwrap.dedent(WRITER))
    writer = machine.start(["python3", "/root/writer.py", url, token, "/root/acknowledged"], log="/root/writer.log")
    machine.until(lambda: len(acknowledged(machine)) > 20)
    return writer


def acknowledged(machine: Machine) -> list[tuple[int, float]]:
    """Numbers of the writes that were acknowledged, each with its time."""
    if not machine.exists("/root/acknowledged"):
        return []
    lines = [line.split() for line in machine.read("/root/acknowledged").splitlines()]
    return [(int(number), float(at)) for number, at in (line for line in lines if len(line) == 2)]


def longest_silence(writes: list[tuple[int, float]]) -> float:
    """Seconds between two writes that were acknowledged, at most."""
    return max(later - earlier for (_, earlier), (_, later) in pairwise(writes))
