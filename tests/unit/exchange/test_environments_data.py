"""Import and export as the command line calls them: on an environment's data directory."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from homeport import server
from homeport.contract import DATABASE_FILE
from homeport.errors import CannotStartError, InvalidError, UsageError
from tests.unit.exchange.trees import SAMPLE, exact, on_disk


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_what_goes_in_comes_out(data: Path, tmp_path: Path) -> None:
    assert server.import_json_v1(data, "development", SAMPLE).counts["messages"].imported == 22
    assert not server.import_json_v1(data, "development", SAMPLE).changed
    assert server.export_json_v1(data, "development", tmp_path / "out").files == 22
    assert exact(on_disk(tmp_path / "out")) == exact(on_disk(SAMPLE))


def test_a_dry_run_leaves_an_empty_directory_empty(data: Path) -> None:
    assert server.import_json_v1(data, "development", SAMPLE, dry_run=True).counts["tasks"].imported == 11
    assert list(data.iterdir()) == []


def test_a_dry_run_leaves_data_as_they_are(data: Path, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.mkdir()
    shutil.copy(SAMPLE / "instances.json", part)
    server.import_json_v1(data, "development", part)
    assert server.import_json_v1(data, "development", SAMPLE, dry_run=True).counts["tasks"].imported == 11
    assert server.export_json_v1(data, "development", tmp_path / "out", dry_run=True).files == 1
    assert not (tmp_path / "out").exists()


def test_a_broken_file_imports_nothing_at_all(data: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(SAMPLE, broken)
    (broken / "roles" / "roles.json").write_text('{"roles":\n{"COO": {},}}')
    with pytest.raises(InvalidError, match=r"roles\.json: line 2, column"):
        server.import_json_v1(data, "development", broken)
    assert list(data.iterdir()) == []


def test_data_of_another_environment_are_left_alone(data: Path, tmp_path: Path) -> None:
    server.import_json_v1(data, "production", SAMPLE)
    before = (data / DATABASE_FILE).read_bytes()
    with pytest.raises(CannotStartError, match="holds data of production, not of development"):
        server.import_json_v1(data, "development", SAMPLE)
    with pytest.raises(CannotStartError, match="holds data of production, not of development"):
        server.export_json_v1(data, "development", tmp_path / "out")
    assert (data / DATABASE_FILE).read_bytes() == before


def test_an_export_goes_neither_into_the_data_nor_out_of_nothing(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no data yet"):
        server.export_json_v1(data, "development", tmp_path / "out")
    server.import_json_v1(data, "development", SAMPLE)
    with pytest.raises(UsageError, match="inside the data directory"):
        server.export_json_v1(data, "development", data / "out")


def test_the_earlier_servers_directory_is_never_written_to(data: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(SAMPLE, source)
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in source.rglob("*") if file.is_file()}
    server.import_json_v1(data, "development", source)
    assert {
        file: (file.read_bytes(), file.stat().st_mtime_ns) for file in source.rglob("*") if file.is_file()
    } == before
    assert json.loads((data / "identity.json").read_text())["environment"] == "development"
