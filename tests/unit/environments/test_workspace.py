"""The plan of a workspace is a value."""

from __future__ import annotations

from pathlib import PurePosixPath

from homeport.environments.declaration import parse_declaration
from homeport.environments.steps import MakeDirectory, WriteFile
from homeport.environments.workspace import plan_workspace

FILE = PurePosixPath("/srv/w/homeport.toml")
ENVIRONMENTS = list(parse_declaration("[environments.production]\n", FILE).environments.values())


def test_a_new_workspace_begins_with_its_directory_and_its_file() -> None:
    plan = plan_workspace(FILE, "text", ENVIRONMENTS, lambda _: False)
    assert plan.steps[:2] == (MakeDirectory(FILE.parent), WriteFile(FILE, "text"))
    assert {"step": "MakeDirectory", "path": "/srv/w/production/data"} in plan.as_json()


def test_only_what_is_missing_is_made() -> None:
    plan = plan_workspace(FILE, None, ENVIRONMENTS, lambda path: path.name != "data")
    assert plan.steps == (MakeDirectory(PurePosixPath("/srv/w/production/data"), mode=0o700),)


def test_where_nothing_is_missing_nothing_is_done() -> None:
    assert plan_workspace(FILE, None, ENVIRONMENTS, lambda _: True).steps == ()


def test_data_and_backups_are_for_their_owner_only() -> None:
    plan = plan_workspace(FILE, None, ENVIRONMENTS, lambda _: False)
    private = {step.path.name for step in plan.steps if isinstance(step, MakeDirectory) and step.mode == 0o700}
    assert private == {"data", "production-backups"}
