"""Servers that are not Homeport's, as an environment declares them: a Node program, started, seen and stopped."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import pytest

from homeport.cli import main
from homeport.environments.declaration import parse_declaration
from homeport.host.services.processes import ProcessManager
from tests.support.node import NodeTools
from tests.support.ports import free_ports

PROGRAM = """
const http = require("node:http")
const fs = require("node:fs")
const path = require("node:path")
const file = path.join(process.env.DATA_DIR, "visits.json")
http.createServer((request, response) => {
  const visits = (fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : 0) + 1
  fs.writeFileSync(file, JSON.stringify(visits))
  response.setHeader("Content-Type", "application/json")
  response.end(JSON.stringify({ status: "ok", version: "7.1", visits }))
}).listen(Number(process.env.HTTP_PORT), "127.0.0.1", () => console.log("ready"))
"""


@pytest.mark.needs_node
def test_a_node_server_is_started_seen_restarted_and_stopped(
    tmp_path: Path, node_tools: NodeTools, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_ports(1)[0]
    (tmp_path / "server.js").write_text(PROGRAM)
    data = tmp_path / "shop" / "data"
    file = tmp_path / "homeport.toml"
    file.write_text(
        f"[environments.shop]\nhttp_port = {port}\nprotocols = ['http']\nservice = 'processes'\n"
        f"command = {json.dumps([str(node_tools.node), 'server.js'])}\nworking_directory = '.'\n"
        f"variables = {{ HTTP_PORT = '{port}', DATA_DIR = '{data}' }}\nhealth_says = {{ status = 'ok' }}\n"
    )
    environment = parse_declaration(file.read_text(), PurePosixPath(file)).environment("shop")
    try:
        for command in ("start", "restart"):
            assert main(["--config", str(file), "--json", command, "shop"]) == 0
        capsys.readouterr()
        assert main(["--config", str(file), "--json", "status", "shop"]) == 0
        seen = json.loads(capsys.readouterr().out)["environments"][0]
        assert (seen["condition"], seen["version"]) == ("healthy", "7.1")
        assert seen["data_bytes"] == len(data.joinpath("visits.json").read_bytes())
        assert main(["--config", str(file), "stop", "shop"]) == 0
    finally:
        ProcessManager(PurePosixPath("/"), PurePosixPath("/"), grace=1).stop(environment)
    assert json.loads(data.joinpath("visits.json").read_text()) >= 3
