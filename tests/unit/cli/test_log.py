"""``homeport log`` says of every operation what was planned, agreed to and done, by whom, and for how long."""

from __future__ import annotations

import getpass
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from homeport.contract import ExitCode
from homeport.host.journal import FILE_NAME
from tests.support.releases import Harbour

pytestmark = pytest.mark.slow


@pytest.fixture
def harbour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Harbour]:
    one = Harbour(tmp_path, capsys, "protected = true\n")
    yield one
    one.stop()


def operations(harbour: Harbour) -> list[dict[str, Any]]:
    return list(harbour.json("log", "shop")["operations"])


def test_a_deploy_and_a_rollback_are_told_whole_and_a_change_to_that_shows(harbour: Harbour) -> None:
    harbour.release("1")
    first = harbour.deploy("--yes")
    harbour.release("2")
    planned = harbour.deploy("--dry-run")["plan"]
    second = harbour.deploy("--yes")
    harbour.release("3", {"server.py": "raise SystemExit('no table called agents')\n"})
    harbour.deploy("--yes", code=1)
    harbour.json("rollback", "shop", "--yes", "--watch", "0.5")

    told = operations(harbour)
    assert [one["operation"] for one in told] == ["deploy", "deploy", "deploy", "rollback"]
    assert [one["outcome"] for one in told] == ["done", "done", "undone", "done"]
    assert "no table called agents" in told[2]["sentence"]
    for one in told:
        assert one["by"]["user"] == getpass.getuser()
        assert one["confirmed"] == "yes"
        assert one["seconds"] > 0
        assert one["begun_at"] < one["ended_at"]
    assert [one["id"] for one in told[:2]] == [first["operation"], second["operation"]]

    one = harbour.json("log", "shop", second["operation"])
    # What was done is what was shown before, but for the time in its names.
    assert [step["step"] for step in one["steps"]] == [step["step"] for step in planned["steps"]]
    assert {step["state"] for step in one["steps"]} == {"done"}
    assert all(step["seconds"] >= 0 and step["text"] for step in one["steps"])
    undone = harbour.json("log", "shop", told[2]["id"])["steps"]
    assert "taken back" in {step["state"] for step in undone}
    assert "done" not in {step["state"] for step in undone}
    out, _ = harbour.run("log", "shop", second["operation"])
    assert "confirmed by --yes; took " in out
    assert getpass.getuser() in out
    table, _ = harbour.run("log", "shop")
    assert table.splitlines()[0].split() == ["ENVIRONMENT", "ID", "OPERATION", "BY", "TOOK", "OUTCOME"]

    harbour.run("log", "--verify")
    file = Path(harbour.environment.journal_directory) / FILE_NAME
    lines = file.read_text().splitlines(keepends=True)
    for changed in (
        [line.replace('"undone"', '"done"') for line in lines],
        lines[:3] + lines[4:],
        [lines[1], lines[0], *lines[2:]],
        [line.replace('"user": "', '"user": "not-') for line in lines],
    ):
        assert changed != lines
        file.write_text("".join(changed))
        out, _ = harbour.run("log", "--verify", code=ExitCode.FINDINGS)
        assert "does not follow from the line before it" in out
    file.write_text("".join(lines))
    harbour.run("log", "--verify")


def test_a_person_who_was_asked_and_agreed_is_told_apart_from_yes(harbour: Harbour) -> None:
    harbour.release("1")
    words = ("deploy", "shop", "--watch", "0.5", "--wait", "15", "--config", str(harbour.file))
    command = [sys.executable, "-P", "-m", "homeport", *words]
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            os.write(ours, b"n\n")
            _, err = process.communicate()
        assert process.returncode == ExitCode.REFUSED, err
        assert not (Path(harbour.environment.journal_directory) / FILE_NAME).exists()
        with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            os.write(ours, b"y\n")
            _, err = process.communicate()
        assert process.returncode == ExitCode.DONE, err
    finally:
        os.close(ours)
        os.close(theirs)
    assert [one["confirmed"] for one in operations(harbour)] == ["asked"]
