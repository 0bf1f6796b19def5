"""``homeport data prepare`` at the command line, and a real server on what it made."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest

from homeport.contract import ExitCode
from tests.support.credentials import bearer
from tests.support.running import PROGRAM, Workspace, running, workspace
from tests.support.snapshots import answer_of
from tests.support.written import Written, write_data

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Data of production, somewhere."""
    (tmp_path / "from").mkdir()
    return write_data(tmp_path / "from")


@pytest.fixture
def place(tmp_path: Path, written: Written) -> Workspace:
    """Where development is declared, which asks for tokens, and production."""
    place = workspace(tmp_path, more='auth = "tokens"\n\n[environments.production]\nprotected = true\n')
    (tmp_path / "production").mkdir()
    (tmp_path / "from").rename(tmp_path / "production" / "data")
    return place


def test_every_token_of_the_origin_is_refused_by_a_server_on_the_copy(
    place: Workspace, written: Written, tmp_path: Path
) -> None:
    answer_of(place, "snapshot", "production", tmp_path / "copy")
    done = answer_of(place, "prepare", tmp_path / "copy", "--environment", "development", "--origin", "production")
    assert done["facts"]["environment"] == "development"
    shutil.rmtree(tmp_path / "development" / "data")
    (tmp_path / "copy").rename(tmp_path / "development" / "data")
    made = _created(place)
    with running(place):
        for token in (written.token, written.refresh):
            assert _asked(place, token) == 401
            # Nor under the name of this environment.
            assert _asked(place, token.replace("_production_", "_development_")) == 401
        assert _asked(place, made) == 200


def _created(place: Workspace) -> str:
    command = [*PROGRAM, "--config", str(place.file), "--json", "token", "create", "development", "--name", "x"]
    return str(json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["token"])


def _asked(place: Workspace, token: str) -> int:
    return httpx2.get(f"{place.url}/api/v1/messages", headers=bearer(token), timeout=30).status_code


def test_declared_data_and_a_protected_target_are_refused(place: Workspace, written: Written, tmp_path: Path) -> None:
    data = tmp_path / "production" / "data"
    wanted = ("--environment", "development", "--origin", "production")
    error = answer_of(place, "prepare", data, *wanted, code=ExitCode.REFUSED)
    assert "is the data directory of production" in error["message"]
    link = tmp_path / "link"
    link.symlink_to(data)
    assert "live data" in answer_of(place, "prepare", link, *wanted, code=ExitCode.REFUSED)["message"]
    assert "live data" in answer_of(place, "upgrade", link, code=ExitCode.REFUSED)["message"]
    answer_of(place, "snapshot", "production", tmp_path / "copy")
    protected = ("--environment", "production", "--origin", "development")
    error = answer_of(place, "prepare", tmp_path / "copy", *protected, code=ExitCode.REFUSED)
    assert "production is protected" in error["message"]
    unknown = ("--environment", "nowhere", "--origin", "production")
    answer_of(place, "prepare", tmp_path / "copy", *unknown, code=ExitCode.USAGE)
    assert answer_of(place, "facts", tmp_path / "copy")["environment"] == "production"


def test_facts_that_are_bad_end_with_the_code_of_findings(place: Workspace, tmp_path: Path) -> None:
    answer_of(place, "snapshot", "production", tmp_path / "copy")
    (tmp_path / "copy" / "homeport.db").unlink()
    found = answer_of(place, "facts", tmp_path / "copy", code=ExitCode.FINDINGS)
    assert [problem["code"] for problem in found["problems"]] == ["no_database"]


def test_the_loss_is_told_at_the_command_line(place: Workspace) -> None:
    loss = answer_of(place, "lost", "production", "--position", "1", "--position-at", "2025-12-05T00:00:00Z")
    assert (loss["comparable"], loss["messages"]) == (True, 1)
    answer_of(place, "lost", "production", "--position", "-1", code=ExitCode.USAGE)
