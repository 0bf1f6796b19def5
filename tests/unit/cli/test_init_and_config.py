"""homeport init, homeport config: a workspace from nothing, and what follows from a declaration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from homeport.cli import main
from homeport.contract import ExitCode
from homeport.environments.example import render_example


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == ExitCode.DONE
    return json.loads(capsys.readouterr().out)


def test_init_writes_the_example_and_makes_the_directories(workspace: Path) -> None:
    assert main(["init"]) == ExitCode.DONE
    assert (workspace / "homeport.toml").read_text() == render_example()
    for name in ("production", "development", "local"):
        assert (workspace / name / "data").is_dir()
        assert (workspace / f"{name}-backups").is_dir()


def test_init_again_changes_nothing_and_says_so(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == ExitCode.DONE
    (workspace / "homeport.toml").write_text("# mine\n[environments.production]\n")
    capsys.readouterr()
    assert main(["init"]) == ExitCode.DONE
    assert "nothing to do" in capsys.readouterr().out
    assert (workspace / "homeport.toml").read_text().startswith("# mine")


def test_init_makes_what_an_existing_declaration_lacks(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "homeport.toml").write_text('[environments.production]\ndata = "disk/live"\n')
    assert as_json(capsys, "init")["steps"]
    assert (workspace / "disk" / "live").is_dir()


def test_a_dry_run_of_init_prints_the_very_steps_and_does_none(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = as_json(capsys, "init", "--dry-run")
    assert not list(workspace.iterdir())
    done = as_json(capsys, "init")
    assert planned["steps"] == done["steps"]
    assert (planned["dry_run"], done["dry_run"]) == (True, False)


def test_init_elsewhere_makes_the_directory(workspace: Path) -> None:
    assert main(["init", "new/place"]) == ExitCode.DONE
    assert (workspace / "new" / "place" / "production" / "data").is_dir()


def test_init_writes_other_ports_into_a_new_file_only(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--port", "production=5000:5001"]) == ExitCode.DONE
    capsys.readouterr()
    (shown,) = as_json(capsys, "config", "show", "production")["environments"]
    assert (shown["http_port"], shown["sse_port"]) == (5000, 5001)
    assert main(["init", "--port", "production=6000"]) == ExitCode.REFUSED
    assert "exists, so its ports are not changed" in capsys.readouterr().err


def test_init_with_ports_that_collide_writes_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--port", "production=3446"]) == ExitCode.USAGE
    assert "environments.development.http_port: 3446 is production's" in capsys.readouterr().err
    assert not list(workspace.iterdir())


def test_init_refuses_two_places_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "a", "--config", "b"]) == ExitCode.USAGE
    assert "Both DIR and --config" in capsys.readouterr().err


def test_config_check_names_what_is_declared(capsys: pytest.CaptureFixture[str]) -> None:
    main(["init"])
    capsys.readouterr()
    assert main(["config", "check"]) == ExitCode.DONE
    assert "has no fault. It declares production, development, local." in capsys.readouterr().out


def test_the_declaration_is_found_from_a_directory_below(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["init"])
    monkeypatch.chdir(workspace / "production" / "logs")
    assert main(["config", "check"]) == ExitCode.DONE


def test_config_show_says_what_is_declared_default_and_derived(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "homeport.toml").write_text('[environments.local]\ndata = "here"\nprotocols = ["http"]\n')
    assert main(["config", "show"]) == ExitCode.DONE
    rows = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines() if line}
    assert rows["data"] == ["data", f"{workspace}/here", "declared"]
    assert rows["http_port"] == ["http_port", "3448", "default"]
    assert rows["sse_port"] == ["sse_port", "off", "default"]
    assert rows["mcp_url"] == ["mcp_url", "http://127.0.0.1:3448/mcp", "derived"]


def test_config_show_of_an_unknown_environment_lists_the_declared_ones(capsys: pytest.CaptureFixture[str]) -> None:
    main(["init"])
    capsys.readouterr()
    assert main(["config", "show", "prod"]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert 'did you mean "production"' in err
    assert "It declares production, development, local." in err


def test_config_docs_is_the_example_and_needs_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "docs"]) == ExitCode.DONE
    assert capsys.readouterr().out == render_example()
    assert as_json(capsys, "config", "docs")["settings"]["http_port"]["description"]
