"""What changes of code and data did to the proposal's production, each tried with the command that does it now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.releases import SERVER, Harbour

pytestmark = pytest.mark.slow


@pytest.fixture
def harbour(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Harbour]:
    """A server that is no Homeport, deployed once, with a JSON directory as its data."""
    one = Harbour(tmp_path, capsys)
    one.release("1")
    one.deploy()
    (data(one) / "inbox.json").write_text('["first"]')
    yield one
    one.stop()


def data(harbour: Harbour) -> Path:
    return Path(harbour.environment.data_directory)


def test_the_schedule_and_the_deploy_named_their_backups_differently(harbour: Harbour) -> None:
    by_the_clock = harbour.json("backup", "create", "shop", "--origin", "schedule")["backup"]
    harbour.release("2")
    by_a_deploy = harbour.deploy()["backup"]
    (data(harbour) / "inbox.json").write_text("[]")

    listed = harbour.json("backup", "list", "shop")["backups"]
    assert {by_the_clock, by_a_deploy} <= {one["backup"] for one in listed}
    files = {file.name for file in Path(harbour.environment.backups_directory).glob("*.tar.zst")}
    assert {f"data-{by_the_clock}.tar.zst", f"data-{by_a_deploy}.tar.zst"} <= files
    # Whoever goes back finds both by one command, and whoever makes room counts both.
    for backup in (by_the_clock, by_a_deploy):
        harbour.json("restore", "shop", backup, "--yes")
        assert json.loads((data(harbour) / "inbox.json").read_text()) == ["first"]
        (data(harbour) / "inbox.json").write_text("[]")
    judged = json.dumps(harbour.json("backup", "prune", "shop", "--dry-run"))
    assert by_the_clock in judged
    assert by_a_deploy in judged


def test_a_rollback_of_data_left_files_that_were_newer_than_the_backup(harbour: Harbour) -> None:
    (data(harbour) / ".hidden").write_text("a file with a dot")
    backup = harbour.json("backup", "create", "shop")["backup"]
    (data(harbour) / "inbox.json").write_text('["first", "second"]')
    (data(harbour) / "newer.json").write_text("{}")
    (data(harbour) / ".hidden").unlink()
    harbour.json("restore", "shop", backup, "--yes")
    assert {one.name: one.read_text() for one in data(harbour).iterdir() if one.is_file()} == {
        "inbox.json": '["first"]',
        ".hidden": "a file with a dot",
    }
    # What was there is in the backup that was made before, and comes back in the same way.
    safety = harbour.json("backup", "list", "shop")["backups"]
    newest = max(one["backup"] for one in safety)
    assert newest != backup
    harbour.json("restore", "shop", newest, "--yes")
    assert (data(harbour) / "newer.json").exists()
    assert not (data(harbour) / ".hidden").exists()


def test_a_deploy_shipped_a_file_that_was_not_committed_and_a_package_that_was_not_installed(harbour: Harbour) -> None:
    source = harbour.repository.directory
    (source / "better.py").write_text("GREETING = 'hello'\n")
    (source / "server.py").write_text(f"import better\n{SERVER}")
    # It runs where it was written; what is deployed is a commit, and what no commit has is named.
    assert "changes that are in no commit: server.py" in harbour.deploy(code=3)["error"]["message"]
    harbour.repository.git("commit", "--quiet", "--message", "it works for me", "server.py")
    assert "No module named 'better'" in harbour.deploy(code=1)["error"]["message"]
    assert harbour.serves == "1"
    harbour.release("2", {"better.py": "import not_installed\n", "server.py": f"import better\n{SERVER}"})
    assert "No module named 'not_installed'" in harbour.deploy(code=1)["error"]["message"]
    assert harbour.serves == "1"
    harbour.release("3", {"better.py": "GREETING = 'hello'\n", "server.py": f"import better\n{SERVER}"})
    harbour.deploy()
    assert harbour.serves == "3"


def test_an_edit_was_made_in_a_directory_that_was_not_the_one_served(harbour: Harbour) -> None:
    source = harbour.repository.directory
    (source / "version.py").write_text("VERSION = 'edited'\n")
    harbour.json("restart", "shop")
    assert harbour.serves == "1"
    # What serves has a name, a commit and a directory; and an edit elsewhere is told by its file.
    (serving,) = [one for one in harbour.releases.values() if one["serves"]]
    assert serving["commit"] == harbour.repository.git("rev-parse", "HEAD")
    assert Path(harbour.environment.current_release).resolve().name == serving["id"]
    assert "changes that are in no commit: version.py" in harbour.deploy(code=3)["error"]["message"]
    harbour.repository.git("commit", "--quiet", "--all", "--message", "edited")
    harbour.deploy()
    assert harbour.serves == "edited"
