"""A small server that is not Homeport's, as somebody might run one: says where it is, and misbehaves when told to."""

from __future__ import annotations

import json
import sys
from pathlib import Path, PurePosixPath
from typing import Final

from homeport.environments.declaration import Declaration, parse_declaration
from homeport.environments.environment import Environment
from tests.support.ports import free_ports

PROGRAM: Final = """
import json, os, signal, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULT = os.environ.get("FAULT", "")
if FAULT == "crash":
    print("reading the configuration", flush=True)
    sys.exit("no table called agents")
if FAULT == "refuse":
    print("the data are another's", flush=True)
    sys.exit(78)
if FAULT == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if FAULT == "child":
    subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"status": "ok", "pid": os.getpid(), "version": os.environ.get("VERSION", "1")}).encode()
        self.send_response(503 if FAULT == "ill" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        print(format % args, flush=True)

print("listening on", os.environ["PORT"], flush=True)
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def foreign_table(program: Path, port: int, fault: str = "", more: str = "") -> str:
    """The table of an environment whose server is the program."""
    variables = f'{{ PORT = "{port}", FAULT = "{fault}" }}'
    return (
        f"[environments.shop]\nhttp_port = {port}\nprotocols = ['http']\nservice = 'processes'\n"
        f"command = {json.dumps([sys.executable, str(program)])}\nvariables = {variables}\n{more}"
    )


def declare_foreign(directory: Path, fault: str = "", more: str = "", port: int | None = None) -> Declaration:
    """Writes the program and a declaration of the environment ``shop``, and makes its directories."""
    program = directory / "shop.py"
    program.write_text(PROGRAM)
    file = directory / "homeport.toml"
    file.write_text(foreign_table(program, port or free_ports(1)[0], fault, more))
    declaration = parse_declaration(file.read_text(), PurePosixPath(file))
    for path in declaration.environment("shop").directories:
        Path(path).mkdir(parents=True, exist_ok=True)
    return declaration


def foreign_environment(directory: Path, fault: str = "", more: str = "", port: int | None = None) -> Environment:
    """As :func:`declare_foreign`; the environment alone."""
    return declare_foreign(directory, fault, more, port).environment("shop")
