"""The JSON API fuzzed from its own document, by a program that knows nothing else of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.support.process import ServerProcess

CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
)
"""Not that whatever fits the schemas is taken: they say less than is checked, since agents pay for their length."""
_CONFIG: Final = """\
[dictionaries.names]
values = [{names}]

[dictionaries.numbers]
values = [1, 2]

[generation.dictionaries]
string = {{ dictionary = "names", probability = 0.6 }}
integer = {{ dictionary = "numbers", probability = 0.6 }}
"""


def fuzz(server: ServerProcess, directory: Path, *arguments: str) -> None:
    """Runs schemathesis on a server that holds something, and fails with what it found.

    Args:
        server: an open one.
        directory: where to work.
        arguments: of ``schemathesis run``.
    """
    names = ", ".join(f'"{name}"' for name in [*_filled(server), "all", "developer"])
    config = directory / "schemathesis.toml"
    config.write_text(_CONFIG.format(names=names))
    command = [sys.executable, "-P", "-m", "schemathesis.cli", "--config-file", str(config), "run", "--no-color"]
    # Waits are another test's, and take their time.
    command += ["--checks", ",".join(CHECKS), "--exclude-operation-id", "wait_for_messages", "--continue-on-failure"]
    # A test's request shows no token: in an open environment a made-up one is refused.
    command += ["--generation-database", "none", "--generation-with-security-parameters", "false"]
    command += ["--warnings", "off", *arguments, f"{server.url}/openapi.json"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [event for event in server.events() if event["level"] == "error"] == []
    assert server.healthy()


def _filled(server: ServerProcess) -> list[str]:
    """One of each thing, so that not all that is asked for is missing; their ids."""
    for name in ("ada", "bob"):
        _post(server, "instances", instanceId=name, role="developer")
    _post(server, "projects", id="sea", name="Sea", description="")
    for task in ("task-1", "task-2"):
        _post(server, "tasks", id=task, title="T", description="", project_id="sea")
    lessons = [{"type": "pattern", "content": "Look twice."}]
    _post(server, "lessons", project_id="sea", instance_id="ada", lessons=lessons)
    messages = [
        _post(server, "messages", **{"to": "ada", "from": "bob", "subject": "S", "content": "C"})["message"]["id"]
        for _ in range(3)
    ]
    webhook = _post(server, "webhooks", url="http://127.0.0.1:9/none")["webhook"]["id"]
    return ["ada", "bob", "sea", "task-1", "task-2", *messages, webhook]


def _post(server: ServerProcess, collection: str, **arguments: Any) -> Any:
    answer = httpx2.post(f"{server.url}/api/v1/{collection}", json=arguments, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()
