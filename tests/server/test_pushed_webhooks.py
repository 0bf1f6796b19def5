"""A signed webhook: taken by the server, which only notes it, and acted on by whoever picks it up."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.server.test_reload import Desk
from tests.support.checkouts import commit, git
from tests.support.signed import (
    SECRET,
    SIGNING_SECRET,
    forgejo,
    gitea,
    github,
    gitlab,
    gitlab_signed,
    push_body,
)
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FOLLOW = """
install = ["git", "--version"]
auth = "tokens"
[environments.development.follow]
branches = ["main", "feature/*"]
webhook_secret = "webhook.secret"
"""


class Forge(Desk):
    """A forge that has the repository, and tells of pushes."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.remote = directory / "forge.git"
        git(directory, "clone", "--quiet", "--bare", str(self.checkout), str(self.remote))
        git(self.checkout, "remote", "add", "origin", str(self.remote))
        self.home = directory / "home"
        git(directory, "clone", "--quiet", str(self.remote), str(self.home))
        self.file.write_text(self.file.read_text() + FOLLOW)
        self.secret = directory / "webhook.secret"
        self.secret.write_text(f"{SECRET}\n")
        self.secret.chmod(0o600)
        self.run("start", "development", "--wait", "60")

    def push(self, version: str) -> str:
        """A commit with another version at the forge."""
        file = self.home / "src" / "homeport" / "__init__.py"
        line = next(line for line in file.read_text().splitlines() if line.startswith("__version__"))
        file.write_text(file.read_text().replace(line, f'__version__: Final = "{version}"'))
        made = commit(self.home, version)
        git(self.home, "push", "--quiet", "origin", "HEAD")
        return made

    def tell(self, body: bytes, headers: dict[str, str]) -> httpx2.Response:
        return httpx2.post(f"{self.url}/hooks/push", content=body, headers=headers, timeout=30)

    def requests(self, code: int = 0) -> str:
        command = ("requests", "development", "--config", str(self.file))
        done = subprocess.run([*self.program, *command], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def waiting(self) -> list[Any]:
        directory = self.file.parent / "development" / "requests"
        return [json.loads(file.read_text()) for file in directory.glob("*.request.json")]

    def logged(self, event: str, least: int = 0) -> list[dict[str, Any]]:
        """The lines of an event, once there are so many: they are written down after the server answered."""

        def lines() -> list[dict[str, Any]]:
            found = [json.loads(line) for line in self.log().splitlines(keepends=True) if line.endswith("}\n")]
            return [line for line in found if line["event"] == event]

        until(lambda: len(lines()) >= least)
        return lines()


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    one = Forge(tmp_path_factory.mktemp("forge"))
    yield one
    one.run("stop", "development")


def test_a_push_is_noted_and_brought_by_whoever_picks_it_up(forge: Forge) -> None:
    made = forge.push("9.1")
    body = push_body("main", made, repository={"clone_url": "https://evil.example/x.git"})
    answer = forge.tell(body, github(body, "first"))
    assert (answer.status_code, answer.json()["commit"]) == (202, made)
    assert [(one["branch"], one["commit"]) for one in forge.waiting] == [("main", made)]
    # The server itself has not moved: it may not.
    assert forge.health["version"] != "9.1"
    assert git(forge.checkout, "rev-parse", "HEAD") != made
    forge.requests()
    assert forge.health["version"] == "9.1"
    assert git(forge.checkout, "rev-parse", "HEAD") == made
    assert forge.waiting == []
    assert forge.requests() == ""
    operation = forge.run("log", "development")["operations"][-1]
    assert (operation["operation"], operation["outcome"]) == ("webhook", "done")
    (taken,) = [one for one in forge.logged("webhook taken", 1) if one["delivery"] == "first"]
    assert (taken["branch"], taken["forge"]) == ("main", "github")


def test_each_refusal_has_its_own_status_and_is_in_the_log(forge: Forge) -> None:
    body = push_body("main", "c" * 40)
    refused = len(forge.logged("webhook refused"))
    assert forge.tell(body, github(body, "wrong", secret="not the secret at all")).status_code == 401
    assert forge.tell(body, {"X-GitHub-Event": "push"}).status_code == 401
    assert forge.tell(body, github(body, "again")).status_code == 202
    assert forge.tell(body, github(body, "again")).status_code == 409
    assert forge.tell(body, github(body, "the same under another name")).status_code == 409
    large = push_body("main", "d" * 40, more="x" * (1 << 20))
    assert forge.tell(large, github(large, "large")).status_code == 413
    other = push_body("release/1", "e" * 40)
    answer = forge.tell(other, github(other, "undeclared"))
    assert (answer.status_code, answer.json()["error"]["message"]) == (403, "release/1 is not followed here.")
    odd = b"payload=%7B%7D"
    assert forge.tell(odd, github(odd, "odd")).status_code == 400
    assert httpx2.get(f"{forge.url}/hooks/push", timeout=30).status_code == 405
    forge.secret.chmod(0o644)
    assert forge.tell(body, github(body, "open")).status_code == 503
    forge.secret.chmod(0o600)
    words = ("signature is not", "is not signed", "taken before", "taken before", "over", "not followed", "not JSON")
    reasons = [one["reason"] for one in forge.logged("webhook refused", refused + len(words) + 1)][refused:]
    assert len(reasons) == len(words) + 1
    assert all(word in reason for word, reason in zip(words, reasons, strict=False))
    assert SECRET not in forge.log()
    assert len(forge.waiting) == 1
    # What was announced and is not at the forge is not brought.
    assert "does not have it" in forge.requests(code=1)
    assert forge.waiting == []


def test_the_forms_of_all_forges_are_taken(forge: Forge) -> None:
    for number, form in enumerate((github, gitea, forgejo, gitlab)):
        body = push_body("feature/x", f"{number:040x}".replace("0", "b", 1))
        assert forge.tell(body, form(body, f"form-{number}")).status_code == 202
    body = push_body("feature/x", "f" * 40)
    forge.secret.write_text(SIGNING_SECRET)
    assert forge.tell(body, gitlab_signed(body, "signed", time.time())).status_code == 202
    assert forge.tell(body, gitlab_signed(body, "late", time.time() - 3600)).status_code == 401
    forge.secret.write_text(SECRET)
    ping = b'{"zen": "Keep it logically awesome."}'
    answer = forge.tell(ping, {**github(ping, "ping"), "X-GitHub-Event": "ping"})
    assert (answer.status_code, answer.json()) == (200, {"ignored": "ping is no push"})
    assert len(forge.waiting) == 5
    forge.requests(code=1)


def test_a_commit_that_does_not_come_up_is_told_and_the_one_before_runs(forge: Forge) -> None:
    before = forge.health["version"]
    made = forge.push("9.2")
    serving = forge.home / "src" / "homeport" / "server" / "serving.py"
    good = serving.read_text()
    serving.write_text(good.replace("def serve(", "def serve(:"))
    made = forge.push("9.3")
    body = push_body("main", made)
    assert forge.tell(body, github(body, "broken")).status_code == 202
    said = forge.requests(code=1)
    assert "SyntaxError" in said
    assert "development is as it was before" in said
    assert forge.health["version"] == before
    assert forge.waiting == []
