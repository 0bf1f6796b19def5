"""A drill of a server that is not Homeport's: started as it is declared on what was restored, and asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import psutil
import pytest

from homeport.environments.declaration import parse_declaration
from homeport.environments.faults import DeclarationError
from tests.support.ports import free_ports
from tests.support.running import PROGRAM

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
SHOP = """
import http.server, os, sys
data = sys.argv[1]
if os.path.exists(os.path.join(data, "poison")):
    sys.exit("this data I do not open")
kept = open(os.path.join(data, "orders"), "a")

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"status": "ok"}'
        self.send_response(200 if self.path == "/up" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


class Shop:
    """An environment with that server, which does not run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "homeport.toml"
        self.data = directory / "shop" / "data"
        self.data.mkdir(parents=True)
        (self.data / "orders").write_text("one\n")
        self.program = directory / "shop.py"
        self.program.write_text(SHOP)
        self.port = free_ports(1)[0]

    def declare(self, more: str = "") -> None:
        command = json.dumps([sys.executable, str(self.program), str(self.data)])
        self.file.write_text(
            f"[environments.shop]\nhttp_port = {self.port}\nprotocols = ['http']\ncommand = {command}\n"
            f"variables = {{ PORT = '{self.port}' }}\nhealth = '/up'\nhealth_says = {{ status = 'ok' }}\n"
            f"[environments.shop.backup]\n{more}"
        )

    def drill_on(self, data: str, **variables: str) -> str:
        """The lines that have a drill serve this directory."""
        given = ", ".join(f"{name} = '{value}'" for name, value in {"PORT": "{port}", **variables}.items())
        command = json.dumps([sys.executable, str(self.program), data])
        return f"drill_command = {command}\ndrill_variables = {{ {given} }}\n"

    def run(self, *words: str, code: int = 0) -> Any:
        command = [*PROGRAM, "--config", str(self.file), "--json", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout)


def test_a_drill_starts_another_server_on_the_copy_and_asks_its_health(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.declare()
    shop.run("backup", "create", "shop")
    assert shop.run("backup", "drill", "shop")["depth"] == "files"

    shop.declare(shop.drill_on("{data}"))
    done = shop.run("backup", "drill", "shop")
    assert (done["outcome"], done["depth"]) == ("passed", "served")

    # One that serves the live data all the same is no proof of the copy.
    shop.declare(shop.drill_on(str(shop.data)))
    with pytest.raises(DeclarationError, match="it would serve the live data"):
        parse_declaration(shop.file.read_text(), PurePosixPath(shop.file))
    shop.declare(shop.drill_on(str(shop.data), COPY="{data}"))
    assert "which is live" in shop.run("backup", "drill", "shop", code=4)["reason"]

    (shop.data / "poison").write_text("")
    shop.declare(shop.drill_on("{data}"))
    shop.run("backup", "create", "shop")
    assert "this data I do not open" in shop.run("backup", "drill", "shop", code=4)["reason"]
    assert (shop.data / "orders").read_text() == "one\n"
    commands = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if str(shop.program) in command]
    assert not [path for path in (tmp_path / "shop-backups").iterdir() if path.name.startswith(".")]
