"""``homeport data migrate`` and ``verify``: what a later release does to data that a server of this one wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from pysqlite3 import dbapi2

from homeport.contract import DATABASE_FILE
from homeport.datalock import DataLock, is_migrating
from homeport.storage.migrations.revisions import HEAD
from tests.support.exchanging import content
from tests.support.later import LATER, UPPER, later_release, migration
from tests.support.running import PROGRAM, Workspace, running, workspace
from tests.support.waiting import until

SAMPLE = Path(__file__).parents[1] / "data" / "json-v1"
FIRST = 'op.drop_table("watches"); '
BROKEN = [
    (migration(upgrade=FIRST + 'op.drop_table("nowhere")'), "failed: no such table: nowhere"),
    (migration(upgrade=FIRST + 'raise KeyError("a title")'), "failed: 'a title'"),
    (migration(upgrade=UPPER, verify='    return ["One.", "Two."]'), "did not leave what it must: One. And 1 more"),
    (migration(verify='    raise ValueError("no title")'), "could not be verified: no title"),
]


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return later_release(tmp_path_factory.mktemp("later") / "release")


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of this release, from the earlier server's."""
    place = workspace(tmp_path_factory.mktemp("imported"))
    ask(PROGRAM, place, "import", "json-v1", SAMPLE, place.environment)
    return place.file.parent / place.environment / "data"


@pytest.fixture
def place(imported: Path, tmp_path: Path) -> Workspace:
    made = workspace(tmp_path / "place")
    shutil.copytree(imported, data_of(made), dirs_exist_ok=True)
    return made


def data_of(place: Workspace) -> Path:
    return place.file.parent / place.environment / "data"


def ask(program: tuple[str, ...], place: Workspace, *words: str | Path, code: int = 0) -> Any:
    command = [*program, "--config", str(place.file), "--json", "data", *map(str, words)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == code, (ran.returncode, ran.stdout, ran.stderr)
    return json.loads(ran.stdout) if code in (0, 4) else json.loads(ran.stderr)["error"]


def test_a_migration_runs_on_the_data_once_and_is_verified(later: tuple[str, ...], place: Workspace) -> None:
    data = data_of(place)
    before = ask(later, place, "facts", data)
    assert (before["pending_migrations"], before["previous_release_can_run"]) == ([LATER], False)
    done = ask(later, place, "migrate", place.environment)
    assert (done["from_schema"], done["to_schema"], done["ran"], done["live"]) == (HEAD, LATER, [LATER], False)
    after = ask(later, place, "facts", data, "--deep")
    assert (after["pending_migrations"], after["previous_release_can_run"], after["problems"]) == ([], True, [])
    assert after["counts"] == before["counts"]
    assert ask(later, place, "migrate", place.environment)["ran"] == []
    found = ask(later, place, "verify", data)
    assert (found["checked"][-1], found["findings"]) == (LATER, [])


def test_what_is_not_as_a_migration_left_it_is_found_at_any_time(later: tuple[str, ...], place: Workspace) -> None:
    ask(later, place, "migrate", place.environment)
    execute(data_of(place), "UPDATE projects SET name = 'small' WHERE id = (SELECT min(id) FROM projects)")
    found = ask(later, place, "verify", data_of(place), code=4)
    assert found["findings"] == [{"migration": LATER, "text": "1 projects have a name in small letters."}]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_a_migration_that_fails_or_is_not_verified_is_undone(
    tmp_path: Path, place: Workspace, text: str, said: str
) -> None:
    broken = later_release(tmp_path / "broken", text)
    before = content(data_of(place))
    error = ask(broken, place, "migrate", place.environment, code=1)
    assert said in error["message"]
    assert f"igration {LATER} " in error["message"]
    assert "\n" not in error["message"]
    assert error["details"]["migration"] == LATER
    assert content(data_of(place)) == before
    assert ask(PROGRAM, place, "facts", data_of(place), "--deep")["problems"] == []


def test_an_older_release_refuses_what_it_cannot_live_with(later: tuple[str, ...], place: Workspace) -> None:
    ask(later, place, "migrate", place.environment)
    for words in (("migrate", place.environment), ("verify", data_of(place))):
        error = ask(PROGRAM, place, *words, code=78)
        assert f"has schema {LATER}, which this version does not know; it knows up to {HEAD}" in error["message"]


def test_a_migration_that_the_release_before_can_live_with_runs_beside_its_server(
    tmp_path: Path, place: Workspace
) -> None:
    later = later_release(tmp_path / "later", migration(previous=True))
    with running(place):
        assert ask(later, place, "facts", data_of(place))["previous_release_can_run"] is True
        refused = ask(later, place, "migrate", place.environment, code=3)
        assert "is in use by" in refused["message"]
        done = ask(later, place, "migrate", place.environment, "--beside")
        assert (done["ran"], done["live"]) == ([LATER], True)
        place.call("send_message", from_="ada", to="bob", subject="on", content="after the migration")
    # The older one is also started on it, and migrates nothing.
    with running(place):
        assert place.call("get_server_status")["schema_version"] == LATER
    assert ask(PROGRAM, place, "migrate", place.environment)["ran"] == []


@pytest.mark.soak
@pytest.mark.timeout(120)
def test_what_is_written_while_a_long_migration_runs_beside_the_server_waits_and_is_kept(
    tmp_path: Path, place: Workspace
) -> None:
    """Longer than a writer waits for anybody else, and than the manager waits for a sign of life."""
    seconds = 35
    slow = f"import time; time.sleep({seconds}); {UPPER}"
    later = later_release(tmp_path / "later", migration(upgrade=slow, previous=True))
    command = [*later, "--config", str(place.file), "--json", "data", "migrate", place.environment, "--beside"]
    with running(place), subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        until(lambda: is_migrating(data_of(place)), within=30)
        began = time.monotonic()
        place.call("send_message", from_="ada", to="bob", subject="on", content="while it runs")
        waited = time.monotonic() - began
        told, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert seconds - 5 < waited < seconds + 5
        assert json.loads(told)["migrating_seconds"] > seconds
        assert place.call("get_messages", instance_id="bob")["messages"][0]["subject"] == "on"


def test_a_migration_that_the_release_before_cannot_live_with_waits_until_its_server_has_ended(
    later: tuple[str, ...], place: Workspace
) -> None:
    with DataLock.take(data_of(place)):
        error = ask(later, place, "migrate", place.environment, "--beside", code=3)
    assert f"which cannot live with {LATER}" in error["message"]


def test_where_there_are_no_data_yet_nothing_is_migrated(tmp_path: Path) -> None:
    place = workspace(tmp_path)
    assert "holds no data yet" in ask(PROGRAM, place, "migrate", place.environment, code=2)["message"]
    assert list(data_of(place).iterdir()) == []


def execute(data: Path, statement: str) -> list[tuple[Any, ...]]:

    database = dbapi2.connect(str(data / DATABASE_FILE), isolation_level=None)
    try:
        return list(database.execute(statement).fetchall())
    finally:
        database.close()
