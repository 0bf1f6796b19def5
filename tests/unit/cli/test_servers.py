"""``homeport start``, ``stop``, ``restart``, ``logs``, ``status`` and ``log``, with real servers."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from homeport.environments.environment import Environment
from homeport.host.services.processes import ProcessManager
from tests.support.command_line import CommandLine
from tests.support.foreign import foreign_environment
from tests.support.waiting import until


class Shop(CommandLine):
    """A declaration of one environment, and the commands for it."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(directory / "homeport.toml", capsys)
        self.directory = directory
        self.environment: Environment | None = None

    def declare(self, fault: str = "", more: str = "", port: int | None = None) -> Environment:
        self.environment = foreign_environment(self.directory, fault, more, port)
        return self.environment

    @contextmanager
    def process(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """A command as a process of its own, which does not outlive the test."""
        command = [sys.executable, "-P", "-m", "homeport", "--config", str(self.directory / "homeport.toml"), *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def status(self) -> Any:
        return self.json("status", "shop")["environments"][0]


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    one = Shop(tmp_path, capsys)
    yield one
    if one.environment is not None:
        ProcessManager(PurePosixPath("/"), PurePosixPath("/"), grace=0.5).stop(one.environment)


def test_a_server_is_started_seen_restarted_and_stopped(shop: Shop) -> None:
    environment = shop.declare()
    assert shop.status["condition"] == "down"
    started = shop.json("start", "shop")
    assert started["changed"]
    first = started["server"]["pids"][0]
    seen = shop.status
    assert (seen["condition"], seen["version"], seen["reasons"]) == ("healthy", "1", [])
    assert seen["ports"] == [
        {"setting": "http_port", "port": environment.http_port, "holder": seen["ports"][0]["holder"], "own": True}
    ]
    assert str(first) in seen["ports"][0]["holder"]
    assert not shop.json("start", "shop")["changed"]
    assert shop.json("restart", "shop")["server"]["pids"][0] != first
    assert shop.json("stop", "shop")["changed"]
    assert not shop.json("stop", "shop")["changed"]
    assert shop.status["condition"] == "down"


def test_a_dry_run_says_what_would_be_done_and_does_nothing(shop: Shop) -> None:
    environment = shop.declare()
    out, _ = shop.run("start", "shop", "--dry-run")
    assert out == "would start the server of shop\nwould wait until shop is healthy, at most 60 seconds\n"
    assert shop.json("restart", "shop", "--dry-run")["plan"]["operation"] == "restart"
    assert not Path(environment.pid_file).exists()
    assert not list(Path(environment.journal_directory).iterdir())


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [("crash", 1, "exit code 1: no table called agents"), ("refuse", 78, "exit code 78: the")],
)
def test_a_server_that_does_not_come_up_is_told_with_its_last_line_and_is_not_left_running(
    fault: str, code: int, said: str, shop: Shop
) -> None:
    shop.declare(fault)
    assert said in shop.json("start", "shop", code=code)["error"]["message"]
    seen = shop.status
    assert seen["condition"] == "failed"
    assert said in seen["reasons"][0]
    assert [one["outcome"] for one in shop.json("log")["operations"]] == ["undone"]


def test_one_that_is_ill_is_stopped_again(shop: Shop) -> None:
    shop.declare("ill")
    assert "status 503" in shop.json("start", "shop", "--wait", "3", code=1)["error"]["message"]
    assert not shop.status["server"]["running"]


def test_a_stranger_on_the_port_is_named_and_left_alone(shop: Shop) -> None:
    environment = shop.declare()
    with socket.create_server(("127.0.0.1", environment.http_port)):
        assert "process" in shop.json("start", "shop", code=78)["error"]["message"]
        assert "was not started by homeport start" in shop.json("stop", "shop", code=3)["error"]["message"]
        assert shop.json("restart", "shop", code=78)["error"]["details"]["holder"]["pid"]
        seen = shop.status
        assert seen["condition"] == "unmanaged"
        assert not seen["ports"][0]["own"]
        out, _ = shop.run("status")
        assert f"{environment.http_port}!" in out


def test_of_two_that_start_at_once_one_server_comes(shop: Shop) -> None:
    shop.declare()
    with shop.process("start", "shop") as one, shop.process("start", "shop") as other:
        said = [process.communicate(timeout=50) for process in (one, other)]
    codes = sorted([one.returncode, other.returncode])
    assert codes in ([0, 0], [0, 3]), said
    assert len(shop.status["server"]["pids"]) == 1


def test_a_protected_environment_is_named_loudly(shop: Shop) -> None:
    shop.declare(more="protected = true")
    shop.run("start", "shop")
    _, err = shop.run("stop", "shop")
    assert "SHOP IS PROTECTED" in err
    out, _ = shop.run("status")
    assert "shop (protected)" in out


def test_an_environment_that_is_not_declared_is_refused(shop: Shop) -> None:
    shop.declare()
    for command in ("start", "stop", "restart", "logs", "status", "log"):
        assert 'declares no environment "shoop"' in shop.json(command, "shoop", code=2)["error"]["message"]


@pytest.mark.parametrize(
    "words", [("start", "shop", "--wait", "0"), ("logs", "shop", "-n", "-1"), ("status", "--every", "x")]
)
def test_numbers_that_cannot_be_are_refused(words: tuple[str, ...], shop: Shop) -> None:
    shop.declare()
    shop.run(*words, code=2)


def test_logs_are_shown_and_followed(shop: Shop) -> None:
    environment = shop.declare()
    Path(environment.log_file).write_text('one\n{"event": "two"}\nthree\n')
    assert shop.run("logs", "shop", "-n", "2")[0] == '{"event": "two"}\nthree\n'
    out, _ = shop.run("logs", "shop", "--json")
    assert [json.loads(line)["entry"] for line in out.splitlines()] == ["one", {"event": "two"}, "three"]
    with shop.process("logs", "shop", "-f", "-n", "1") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "three\n"
        with Path(environment.log_file).open("a") as log:
            log.write("four\n")
        assert process.stdout.readline() == "four\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def test_what_was_done_is_listed_shown_and_verified(shop: Shop) -> None:
    environment = shop.declare()
    assert shop.run("log")[0] == "Nothing was done yet.\n"
    shop.run("start", "shop")
    shop.run("stop", "shop")
    listed = shop.json("log", "shop")["operations"]
    assert [(one["operation"], one["outcome"]) for one in listed] == [("start", "done"), ("stop", "done")]
    shown = shop.json("log", "shop", listed[0]["id"])
    assert [(step["text"], step["state"]) for step in shown["steps"]] == [
        ("start the server of shop", "done"),
        ("wait until shop is healthy, at most 60 seconds", "done"),
    ]
    assert shown["steps"][1]["result"]["pid"]
    assert "[done] start the server" in shop.run("log", "shop", listed[0]["id"])[0]
    assert shop.json("log", "shop", "20200101T000000Z-000000", code=2)["error"]["code"] == "usage"
    shop.run("log", "--verify")
    file = Path(environment.journal_directory) / "operations.jsonl"
    file.write_text(file.read_text().replace('"start"', '"begin"', 1))
    out, _ = shop.run("log", "--verify", code=4)
    assert "line 1: does not follow" in out


def test_what_a_killed_run_left_open_is_shown(shop: Shop) -> None:
    environment = shop.declare()
    shop.run("start", "shop")
    file = Path(environment.journal_directory) / "operations.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:2]))
    seen = shop.status
    assert seen["operation"]["operation"] == "start"
    assert "was left open" in seen["reasons"][0]
    _, err = shop.run("stop", "shop")
    assert "(start), which an earlier run had left open" in err
    assert shop.status["operation"] is None


def test_status_of_what_was_never_made_says_so(shop: Shop, tmp_path: Path) -> None:
    shop.declare()
    with (tmp_path / "homeport.toml").open("a") as file:
        file.write('[environments.local]\nservice = "processes"\n')
    seen = shop.json("status")["environments"][1]
    assert seen["condition"] == "absent"
    assert seen["data_bytes"] is None


def test_status_names_the_database_that_holds_the_data_and_no_size_of_what_lies_beside_it(
    shop: Shop, tmp_path: Path
) -> None:
    shop.declare()
    with (tmp_path / "homeport.toml").open("a") as file:
        url = "postgresql://team@db.example:5433/team"
        file.write(f'[environments.local]\nservice = "processes"\ndatabase = "{url}"\n')
    seen = shop.json("status")["environments"][1]
    assert (seen["database"], seen["data_bytes"]) == ("database db.example:5433/team", None)


def test_status_shows_what_of_backups_is_proven_and_where_the_data_came_from(shop: Shop) -> None:
    environment = shop.declare()
    Path(environment.data_directory, "file").write_bytes(b"x" * 1234)
    record = {"last_backup": "2020-01-01T00:00:00+00:00", "last_drill": "2020-01-02T00:00:00Z", "proven": True}
    Path(environment.backups_file).write_text(json.dumps(record))
    origin = {"environment": "shop", "origin": "production", "position_at": "2020-01-01T00:00:00Z"}
    Path(environment.snapshot_file).write_text(json.dumps(origin))
    seen = shop.status
    assert seen["backup"]["proven"]
    assert seen["backup"]["age_seconds"] > seen["backup"]["drill_age_seconds"] > 86400
    assert seen["data_bytes"] == 1234 + len(json.dumps(origin))
    assert seen["reasons"] == ["Its data came from production of 2020-01-01T00:00:00Z."]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"last_backup": 1, "proven": "yes"}', '{"last_backup": "then"}'])
def test_a_record_of_backups_that_is_broken_proves_nothing(text: str, shop: Shop) -> None:
    environment = shop.declare()
    Path(environment.backups_file).write_text(text)
    seen = shop.status
    assert not seen["backup"]["proven"]
    assert seen["backup"]["age_seconds"] is None
    assert "never proven" in shop.run("status")[0]


def test_status_is_watched_line_by_line_where_there_is_no_terminal(shop: Shop) -> None:
    shop.declare()
    with shop.process("status", "--watch", "--every", "0.1", "--json") as process:
        assert process.stdout is not None
        looks = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert [look["environments"][0]["condition"] for look in looks] == ["down", "down"]


def test_serve_becomes_the_declared_command(shop: Shop) -> None:
    environment = shop.declare()
    with shop.process("serve", "shop") as process:
        until(lambda: shop.status["condition"] == "unmanaged", within=40)
        assert str(process.pid) in shop.status["ports"][0]["holder"]
        process.terminate()
        process.wait(20)
    assert environment.is_foreign
