"""homeport token beside a running server; and no secret in anything that was written meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from homeport.contract import ExitCode
from tests.support.credentials import bearer
from tests.support.ports import free_ports
from tests.support.process import HOMEPORT
from tests.support.waiting import until

pytestmark = pytest.mark.slow


class Workspace:
    """A workspace whose production runs, and everything that the commands wrote but their answers."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_ports(1)[0]
        self.file = directory / "homeport.toml"
        self.file.write_text(f'[environments.production]\nhttp_port = {self.port}\nprotocols = ["http"]\n')
        self.told = ""
        assert subprocess.run([*HOMEPORT, "init", directory], check=False, capture_output=True).returncode == 0

    def token(self, *arguments: str) -> Any:
        command = [*HOMEPORT, "token", *arguments, "--json", "--config", str(self.file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == ExitCode.DONE, done.stderr
        self.told += done.stderr
        return json.loads(done.stdout)

    def status(self, token: str | None = None, path: str = "/api/v1/status") -> httpx2.Response:
        headers = bearer(token) if token is not None else {}
        return httpx2.get(f"http://127.0.0.1:{self.port}{path}", headers=headers)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Production runs; its log is in the directory."""
        command = [*HOMEPORT, "serve", "production", "--config", str(self.file)]
        with (self.directory / "log").open("ab") as log, subprocess.Popen(command, stderr=log) as process:
            try:
                until(lambda: self._answers(process), within=30)
                yield
            finally:
                process.terminate()
                assert process.wait(30) == ExitCode.DONE

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, (self.directory / "log").read_text()
        try:
            return self.status(path="/health").status_code == 200
        except httpx2.TransportError:
            return False


def test_a_token_made_beside_a_server_is_answered_at_once_and_revoked_at_once(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    early = workspace.token("create", "production", "--name", "early")
    with workspace.running():
        assert workspace.status().status_code == 401
        assert workspace.status(early["token"]).status_code == 200
        late = workspace.token("create", "production", "--name", "late")
        assert workspace.status(late["token"]).status_code == 200
        workspace.token("revoke", "production", late["id"])
        until(lambda: workspace.status(late["token"]).status_code == 401)
        assert workspace.status(early["token"]).status_code == 200
        until(lambda: _last_used(workspace, early["id"]))


def _last_used(workspace: Workspace, token_id: str) -> object:
    listed = workspace.token("list", "production")["tokens"]
    return next(one["last_used_at"] for one in listed if one["id"] == token_id)


def test_nothing_that_was_written_over_a_whole_run_holds_a_secret(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.running():
        made = [workspace.token("create", "production", "--name", name) for name in ("a", "b", "c")]
        workspace.token("revoke", "production", made[2]["id"])
        answers = ""
        for one in made:
            text = one["token"]
            for shown in (text, text[:-1], text + "x", text.lower(), f"{text}, {text}"):
                answers += workspace.status(shown).text
            for path in (f"/api/v1/status?token={text}", f"/{text}", f"/api/v1/messages/{text}", f"/mcp?{text}"):
                answers += workspace.status(text, path).text
                answers += workspace.status(path=path).text
    secrets = [one["token"][-36:-6] for one in made]
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    for secret in secrets:
        assert secret not in workspace.told
        assert secret not in answers
        assert not [text for text in written if secret.encode() in text]
    log = (tmp_path / "log").read_text()
    assert "caller refused" in log
    assert '"caller":"a"' in log


def test_the_commands_and_the_server_show_no_token_in_a_list_of_processes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    made = workspace.token("create", "production", "--name", "a")
    with workspace.running():
        workspace.status(made["token"])
        for process in Path("/proc").glob("[0-9]*"):
            try:
                shown = (process / "cmdline").read_bytes()
            except OSError:
                continue
            assert made["token"].encode() not in shown or int(process.name) == os.getpid()
