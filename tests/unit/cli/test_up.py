"""What homeport up is about to do, before it does it; and what it shows."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from homeport.cli import main
from homeport.cli.console import JsonConsole, TextConsole
from homeport.cli.declared import plan_new_workspace
from homeport.cli.up import _as_typed, _exit_code
from homeport.contract import ExitCode
from homeport.environments.environment import Environment
from homeport.host.health import HealthAnswer
from homeport.host.supervisor import ChildEnd

HEALTHY = HealthAnswer(healthy=True, reason="", payload={})


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["up", "--dry-run", "--json", *arguments]) == ExitCode.DONE
    return json.loads(capsys.readouterr().out)


def test_without_a_file_a_dry_run_shows_the_workspace_and_writes_nothing(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = plan(capsys)
    assert found["steps"][0] == {"step": "WriteFile", "path": str(workspace / "homeport.toml")}
    assert list(found["start"]) == ["production", "development"]
    assert not list(workspace.iterdir())


def test_the_named_environments_are_run_and_each_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(plan(capsys, "local", "production", "local")["start"]) == ["local", "production"]


def test_where_neither_usual_one_is_declared_all_are_run(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "homeport.toml").write_text(
        "[environments.a]\nhttp_port = 4000\nsse_port = 4001\n[environments.local]\n"
    )
    assert list(plan(capsys)["start"]) == ["a", "local"]


def test_an_unknown_environment_makes_no_workspace(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "prod"]) == ExitCode.USAGE
    assert "It declares production, development, local." in capsys.readouterr().err
    assert not list(workspace.iterdir())


def test_the_children_get_the_ports_and_the_file(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = plan(capsys, "--port", "production=5000:5001", "--port", "development=5002")["start"]
    assert start["production"][-2:] == ["--port", "production=5000:5001"]
    assert start["development"][-2:] == ["--port", "development=5002"]
    assert str(workspace / "homeport.toml") in start["production"]


def test_ports_of_the_command_line_stay_out_of_the_new_file(workspace: Path) -> None:
    _, fresh = plan_new_workspace(workspace / "homeport.toml", {})
    assert "http_port = 3444" in getattr(fresh.steps[0], "text", "")


@pytest.mark.parametrize(
    ("arguments", "seeded"),
    [([], ["development"]), (["production"], ["production"]), (["local", "production"], ["local", "production"])],
)
def test_a_seed_goes_into_a_protected_environment_only_where_that_is_named(
    arguments: list[str], seeded: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(capsys, *arguments, "--data-seed", "seed")["seed"] == seeded


def test_a_dry_run_in_words_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--dry-run", "--data-seed", "old"]) == ExitCode.DONE
    out = capsys.readouterr().out
    assert "would fill development from old" in out
    assert "would start " in out


def end(code: int, *, asked: bool = True) -> ChildEnd:
    return ChildEnd("a", code, "", asked)


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ([end(0), end(0)], ExitCode.DONE),
        ([end(0, asked=False)], ExitCode.FAILED),
        ([end(78, asked=False), end(78, asked=False)], ExitCode.CANNOT_START),
        ([end(78, asked=False), end(0)], ExitCode.CANNOT_START),
        ([end(78, asked=False), end(3, asked=False)], ExitCode.FAILED),
        ([end(-signal.SIGKILL)], ExitCode.FAILED),
        ([end(17)], ExitCode.FAILED),
    ],
)
def test_the_exit_code_says_how_the_servers_ended(ends: list[ChildEnd], code: ExitCode) -> None:
    assert _exit_code(ends) == code


def environments(workspace: Path) -> list[Environment]:
    declaration, _ = plan_new_workspace(workspace / "homeport.toml", {})
    return list(declaration.environments.values())[:2]


def test_a_server_that_did_not_come_up_is_told_and_not_in_the_table(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    down = HealthAnswer(healthy=False, reason="disk full", payload={})
    TextConsole(environments(workspace)).settled({"production": down, "development": HEALTHY})
    out, err = capsys.readouterr()
    assert "production is not up: disk full" in err
    assert "http://127.0.0.1:3446/mcp" in out
    assert "3444" not in out


def test_where_no_server_came_up_there_is_no_table(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    down = HealthAnswer(healthy=False, reason="disk full", payload={})
    TextConsole(environments(workspace)).settled({"production": down, "development": down})
    assert capsys.readouterr().out == ""


def test_the_table_says_how_a_token_is_made_and_where_it_goes(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    TextConsole(environments(workspace)).settled({"production": HEALTHY, "development": HEALTHY})
    out = capsys.readouterr().out
    assert "  HOMEPORT_TOKEN=$(homeport token create production --name claude-code)\n" in out
    url = "http://127.0.0.1:3444/mcp"
    assert f'http homeport {url} --header "Authorization: Bearer $HOMEPORT_TOKEN"\n' in out
    assert "homeport-development http://127.0.0.1:3446/mcp\n" in out
    assert "hpt_" not in out


def test_the_command_that_is_shown_works_where_the_person_is(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["python -m homeport"])
    assert _as_typed(workspace / "homeport.toml") == "homeport"
    assert _as_typed(workspace / "a b" / "homeport.toml") == f"homeport --config '{workspace}/a b/homeport.toml'"
    monkeypatch.setattr(sys, "argv", [".venv/bin/homeport", "up"])
    assert _as_typed(workspace / "homeport.toml") == ".venv/bin/homeport"


def test_lines_have_no_colours_where_nobody_sees_them(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    TextConsole(environments(workspace)).line("production", "up")
    assert capsys.readouterr().err == "production  | up\n"


def test_for_programs_a_json_log_line_stays_json(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    console = JsonConsole(environments(workspace))
    console.line("production", '{"level": "info"}')
    console.line("production", "Traceback")
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"event": "log", "environment": "production", "entry": {"level": "info"}}
    assert second["entry"] == "Traceback"
