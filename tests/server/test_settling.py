"""A change of release that can be neither finished nor undone: production serves what it can, and a person ends it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

from homeport.environments.plan import Plan
from homeport.environments.steps import Rename
from homeport.host.journal import Attempt, Journal
from homeport.storage.migrations.revisions import HEAD
from tests.support.later import LATER, migration, site_packages
from tests.support.migrating import Dock
from tests.support.release_changes import NEW, OLD, going, messages, said_of_health, send, served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
PLACE: Final = "        reasons = await asyncio.shield(self._proving())\n"
ILL: Final = """\
        import pathlib
        if (pathlib.Path(self._about.data_directory) / "poison").exists():
            reasons = ["the data are poisoned"]
"""


def poisoned_by_data(dock: Dock, release: str) -> None:
    """A release that is ill as long as something is in the data."""
    file = site_packages(dock.data.parent / "releases" / release) / "homeport" / "transports" / "health.py"
    text = file.read_text()
    assert PLACE in text
    file.write_text(text.replace(PLACE, PLACE + ILL))


ENDS: Final = """\
import os, sys
if "serve" in sys.orig_argv and os.path.exists({poison!r}):
    os._exit(9)
"""


def ended_by_data(dock: Dock, release: str) -> None:
    """A release that does not start as long as something is in the data."""
    place = site_packages(dock.data.parent / "releases" / release) / "sitecustomize.py"
    place.write_text(ENDS.format(poison=str(dock.data / "poison")))


@pytest.fixture
def dock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Dock]:
    """Production, served by a first release."""
    one = Dock(tmp_path, capsys)
    one.shelved(OLD, "")
    ended_by_data(one, OLD)
    one.serve(OLD)
    yield one
    one.stop()


def test_where_both_releases_are_ill_on_the_data_it_is_settled_and_a_restore_brings_production_back(dock: Dock) -> None:
    send(dock, "before")
    count = messages(dock)
    dock.shelved(NEW, migration(previous=True))
    poisoned_by_data(dock, NEW)
    with going(dock, "--wait", "10") as process:
        (dock.data / "poison").touch()
        _, said = process.communicate(timeout=200)
    assert process.returncode == 5, said
    error = json.loads(said.strip().splitlines()[-1])["error"]
    stuck, state = error["details"]["operation"], error["details"]["state"]
    assert "rollback of production failed (" in error["message"]
    assert f"could not be undone. Could not give the server of production back to {OLD}" in error["message"]
    assert any(", and is ill: the data are poisoned." in line for line in state), state
    assert f"The current release is {OLD}." in state
    assert any(f"have schema {LATER}" in line for line in state), state
    backup = next(line.split()[0] for line in state if "is the backup from before it" in line)
    # It goes on serving what it can.
    assert said_of_health(dock)["release"] == NEW
    assert len(dock.projects()) == 4
    send(dock, "though it is ill")

    # Nothing else goes on, and each says what to do; nor is there a choice that would call an ill release a good one.
    command = f"homeport settle production {stuck} --why TEXT"
    assert command in dock.json("restore", "production", backup, "--yes", code=5)["hint"]
    assert "waits for a decision" in dock.json("deploy", "production", "--stay", code=2)["message"]
    (found,) = [one for one in dock.json("doctor", "production", code=4)["findings"] if "operation" in one["kind"]]
    assert (found["kind"], found["severity"], found["subject"]) == ("operation-stuck", "critical", stuck)
    assert command in found["mend"]

    settled = dock.json("settle", "production", stuck, "--why", "poisoned", "--yes")
    assert settled["mend"].startswith(f"homeport restore production {backup};")
    dock.run("restore", "production", backup, "--yes")
    assert served(dock) == (OLD, HEAD)
    assert messages(dock) == count
    assert [(one.name, one.outcome) for one in dock.operations()] == [("rollback", "settled"), ("restore", "done")]
    findings = dock.json("doctor", "production", code=4)["findings"]
    assert not [one for one in findings if "operation" in one["kind"]]
    # And the way forward is open as before.
    dock.shelved(NEW, migration())
    assert dock.json("rollback", "production", "--to", NEW, "--watch", "1", "--wait", "60", "--yes")["release"] == NEW
    assert served(dock) == (NEW, LATER)


def test_what_was_settled_without_its_data_does_not_start_empty_and_the_restore_that_is_named_brings_them_back(
    dock: Dock,
) -> None:
    send(dock, "before")
    count = messages(dock)
    dock.run("backup", "create", "production")
    dock.stop()
    journal, place = Journal(Path(dock.environment.journal_directory)), PurePosixPath(dock.data)
    aside = place.with_name("data.before-gone")
    journal.begin("gone", Plan("restore", "production", (Rename(place, aside),)))
    journal.step_begins("gone", 0, (Rename(aside, place),))
    shutil.rmtree(dock.data)
    journal.stick("gone", Attempt("", "the disk is gone", "ill", "", "Rename"))
    dock.run("settle", "production", "gone", "--why", "its disk is gone", "--yes")
    refused = dock.json("start", "production", code=3)
    assert f"There is no {dock.data}, and production does not begin with nothing" in refused["message"]
    assert not dock.data.exists()
    dock.run(*refused["hint"].split(".")[0].split()[1:], "--yes")
    dock.run("start", "production")
    assert served(dock) == (OLD, HEAD)
    assert messages(dock) == count
