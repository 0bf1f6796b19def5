"""Making a workspace for real."""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath

import pytest

from homeport.environments.steps import MakeDirectory, WriteFile
from homeport.environments.workspace import WorkspacePlan
from homeport.errors import HomeportError
from homeport.host.workspace import make_workspace


def test_a_plan_is_carried_out_in_order_and_may_be_again(tmp_path: Path) -> None:
    base = PurePosixPath(tmp_path)
    plan = WorkspacePlan(
        (MakeDirectory(base / "w"), WriteFile(base / "w" / "a", "text"), MakeDirectory(base / "w" / "d", mode=0o700))
    )
    make_workspace(plan)
    make_workspace(plan)
    assert (tmp_path / "w" / "a").read_text() == "text"
    assert stat.S_IMODE((tmp_path / "w" / "d").stat().st_mode) == 0o700
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == ["a", "d"]


def test_a_step_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = PurePosixPath(tmp_path) / "file" / "d"
    with pytest.raises(HomeportError, match=f"Could not make the directory {path}: Not a directory"):
        make_workspace(WorkspacePlan((MakeDirectory(path),)))
