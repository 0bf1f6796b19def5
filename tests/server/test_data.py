"""homeport data import and export at the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from homeport.cli import main
from homeport.contract import ExitCode
from homeport.datalock import DataLock, LockHolder


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == ExitCode.DONE
    capsys.readouterr()
    return tmp_path


@pytest.fixture
def source(workspace: Path) -> Path:
    directory = workspace / "old"
    (directory / "projects").mkdir(parents=True)
    times = {"created": "2025-10-01T00:00:00Z", "last_seen": "2025-10-01T00:00:00Z"}
    instance = {"id": "Kai-01", "role": "Developer", "status": "active", **times, "metadata": {}, "odd_key": "é 🚢"}
    (directory / "instances.json").write_text(json.dumps({"schema_version": "3.0", "instances": [instance]}))
    (directory / "projects" / "manifest.json").write_text(json.dumps({"schema_version": "3.0", "projects": []}))
    return directory


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["data", *arguments, "--json"]) == ExitCode.DONE
    return json.loads(capsys.readouterr().out)


def test_what_was_imported_is_exported_again(workspace: Path, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = report(capsys, "import", "json-v1", "old", "development")
    assert (found["environment"], found["dry_run"]) == ("development", False)
    assert found["counts"]["instances"]["imported"] == 1
    assert report(capsys, "import", "json-v1", "old", "development")["counts"]["instances"]["imported"] == 0
    report(capsys, "export", "json-v1", "new", "development")
    assert json.loads((workspace / "new" / "instances.json").read_text()) == json.loads(
        (source / "instances.json").read_text()
    )


def test_a_person_reads_where_it_went_and_how_much(
    workspace: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "import", "json-v1", "old", "development"]) == ExitCode.DONE
    out = capsys.readouterr().out
    assert out.startswith(f"Imported into development ({workspace}/development/data) from {source}:\n")
    assert "instances" in out


def test_a_dry_run_imports_nothing(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(capsys, "import", "json-v1", "old", "development", "--dry-run")["dry_run"] is True
    assert report(capsys, "import", "json-v1", "old", "development")["counts"]["instances"]["imported"] == 1


def test_a_broken_file_is_named_with_its_line_and_imports_nothing(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "projects" / "manifest.json").write_text('{\n"projects": [\n')
    assert main(["data", "import", "json-v1", "old", "development"]) not in {ExitCode.DONE, ExitCode.CANNOT_START}
    err = capsys.readouterr().err
    assert "manifest.json" in err
    assert "line" in err
    (source / "projects" / "manifest.json").write_text('{"projects": []}')
    assert report(capsys, "import", "json-v1", "old", "development")["counts"]["instances"]["imported"] == 1


def test_a_schema_that_a_running_server_needs_is_not_changed_under_it(
    workspace: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    holder = LockHolder(4711, "homeport serve development", "2026-10-02T06:15:00+00:00")
    with DataLock.take(workspace / "development" / "data", holder):
        assert main(["data", "import", "json-v1", str(source), "development"]) == ExitCode.CANNOT_START
    assert "a running server has it open" in capsys.readouterr().err


def test_a_source_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "import", "json-v1", "nowhere", "development"]) == ExitCode.USAGE
    assert "nowhere is not a directory" in capsys.readouterr().err


def test_an_export_never_goes_into_a_directory_that_holds_something(
    workspace: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "export", "json-v1", "old", "development"]) == ExitCode.REFUSED
    assert f"{workspace}/old is not an empty directory" in capsys.readouterr().err
