"""The command line's edge: exit codes, errors as one line or as JSON, and a help that comes at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from homeport import __version__
from homeport.cli import main
from homeport.cli.parser import make_parser
from homeport.contract import ExitCode


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "homeport", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["uup"],
        ["up", "--prot", "local=4000"],
        ["up", "--port", "4000"],
        ["up", "--port", "local=a"],
        ["serve"],
        ["config"],
        ["data", "import", "json-v2", "d", "local"],
        ["init", "--con", "x"],
    ],
)
def test_a_wrong_command_line_is_one_line_a_hint_and_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first.startswith("homeport: ")
    assert "--help shows what it takes" in second


def test_with_json_an_error_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "config", "check"]) == ExitCode.USAGE
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["code"] == "usage"
    assert "homeport init" in error["hint"]
    assert main(["nonsense", "--json"]) == ExitCode.USAGE
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "usage"


def test_every_fault_of_a_declaration_has_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "homeport.toml").write_text("[environments.local]\nhttp_port = 1\nsse_port = 2\n")
    assert main(["config", "check"]) == ExitCode.USAGE
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"homeport: {tmp_path}/homeport.toml has 2 faults:"
    assert lines[1].startswith("  environments.local.http_port: 1 is privileged")
    assert lines[2].startswith("  environments.local.sse_port: 2 is privileged")
    assert lines[3] == "  homeport config docs shows every setting with its default."


def test_an_error_of_the_machine_is_a_sentence_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["init", "--config", "file/homeport.toml"]) == ExitCode.FAILED
    assert capsys.readouterr().err.startswith(
        f"homeport: Could not write {tmp_path}/file/homeport.toml: Not a directory"
    )


def test_a_directory_of_that_name_is_no_declaration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "homeport.toml").mkdir()
    assert main(["config", "check"]) == ExitCode.USAGE
    assert main(["init"]) == ExitCode.USAGE
    assert not list((tmp_path / "homeport.toml").iterdir())


def test_options_may_stand_before_or_after_the_command() -> None:
    for arguments in (["--config", "x", "--json", "up"], ["up", "--config", "x", "--json"]):
        parsed = make_parser().parse_args(arguments)
        assert (parsed.config, parsed.json) == ("x", True)
    assert make_parser().parse_args(["up"]).config is None


def test_who_stops_reading_is_no_error_of_ours() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "homeport", "config", "docs"], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == ExitCode.FAILED


def test_the_version_is_told() -> None:
    assert run("--version").stdout == f"homeport {__version__}\n"


def test_help_names_the_commands_and_the_exit_codes() -> None:
    done = run("--help")
    assert done.returncode == 0
    for word in ("up", "serve", "init", "config", "data", "78"):
        assert word in done.stdout


def test_help_loads_nothing_that_is_slow() -> None:
    program = (
        "import sys; from homeport.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'pydantic', 'psutil', 'rich', 'starlette', 'mcp', 'sqlalchemy', 'asyncio', 'http', 'uvicorn'}\n"
        "print(sorted(slow & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    "command",
    [["up"], ["serve"], ["init"], ["config", "check"], ["config", "show"], ["data", "import"], ["data", "export"]],
)
def test_every_command_takes_config_and_json_and_explains_itself(command: list[str]) -> None:
    done = run(*command, "--help")
    assert done.returncode == 0
    assert "--config" in done.stdout
    assert "--json" in done.stdout
