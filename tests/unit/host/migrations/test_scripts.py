"""Migrations of another server's data: the earlier server's JSON directory, brought to a new form by a script."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pytest

from homeport.contract import MIGRATIONS_FILE
from homeport.environments.environment import Environment
from homeport.host.declaration_file import read_declaration
from homeport.host.journal import Journal
from homeport.host.migrations.differing import changed_entries, differences
from homeport.host.services.awaiting import await_health
from homeport.host.services.processes import ProcessManager
from tests.support.command_line import CommandLine
from tests.support.exchanging import content
from tests.support.foreign import PROGRAM, foreign_table
from tests.support.ports import free_ports

pytestmark = pytest.mark.timeout(180)
SAMPLE: Final = Path(__file__).parents[3] / "data" / "json-v1"
FIRST, SECOND = "001-task-versions", "002_more.py"
SCRIPT: Final = """#!{python}
import json, pathlib, sys
action, directory = sys.argv[1], pathlib.Path(sys.argv[2])
{before}
for file in sorted(directory.glob("projects/*/tasks.json")):
    document = json.loads(file.read_text())
    for task in document["tasks"]:
        if action == "upgrade":
            task["schema"] = {value}
        elif task.get("schema") != 4:
            print(file.relative_to(directory), "has a task of another schema")
            sys.exit(1)
    if action == "upgrade":
        file.write_text(json.dumps(document, indent=2))
"""


class Shop(CommandLine):
    """A server that is not Homeport's with the earlier server's data, and a directory of migrations."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(directory / "homeport.toml", capsys)
        self.migrations = directory / "shop" / "migrations"
        self.migrations.mkdir(parents=True)
        (directory / "shop.py").write_text(PROGRAM)
        table = foreign_table(directory / "shop.py", free_ports(1)[0], more="migrations = 'migrations'\n")
        self.file.write_text(table)
        for path in self.environment.directories:
            Path(path).mkdir(parents=True, exist_ok=True)
        shutil.copytree(SAMPLE, self.data, dirs_exist_ok=True)
        self.write(FIRST)

    @property
    def environment(self) -> Environment:
        return read_declaration(self.file, {}).environment("shop")

    @property
    def data(self) -> Path:
        return Path(self.environment.data_directory)

    @property
    def manager(self) -> ProcessManager:
        return ProcessManager(PurePosixPath(self.file), PurePosixPath(sys.executable), grace=5)

    def write(self, name: str, value: object = 4, before: str = "") -> Path:
        """A migration that gives every task this schema, after the statements in ``before``."""
        file = self.migrations / name
        file.write_text(SCRIPT.format(python=sys.executable, value=value, before=before))
        file.chmod(0o755)
        return file

    def json(self, *words: str, code: int = 0) -> Any:
        told = super().json(*words, code=code)
        return told if code in (0, 4) else told["error"]

    def tasks(self) -> list[dict[str, Any]]:
        return [
            task
            for file in sorted(self.data.glob("projects/*/tasks.json"))
            for task in json.loads(file.read_text())["tasks"]
        ]

    def beside(self) -> list[Path]:
        return list(self.data.parent.glob(f"{self.data.name}?*"))


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shop]:
    one = Shop(tmp_path, capsys)
    yield one
    one.manager.stop(one.environment)


def test_a_migration_is_shown_on_a_copy_then_applied_verified_and_undone_by_a_restore(shop: Shop) -> None:
    shop.manager.start(shop.environment)
    await_health(shop.manager, shop.environment, 30)
    before, tasks = content(shop.data), len(shop.tasks())
    told = shop.json("migrate", "shop", "--dry-run")
    assert (told["schema"], told["pending"], told["findings"]) == (None, [FIRST], [])
    assert sum(told["migration"]["rows"].values()) == tasks
    assert set(told["migration"]["rows"]) <= {f"projects/{path.name}/tasks.json" for path in SAMPLE.glob("projects/*")}
    assert content(shop.data) == before
    assert shop.json("backup", "list", "shop")["backups"] == []

    done = shop.json("migrate", "shop", "--yes")
    assert done["started"] is True
    assert {task["schema"] for task in shop.tasks()} == {4}
    assert [entry["name"] for entry in json.loads((shop.data / MIGRATIONS_FILE).read_text())] == [FIRST]
    assert shop.json("migrate", "shop", "--verify")["findings"] == []
    assert (shop.json("migrate", "shop")["schema"], shop.json("migrate", "shop")["pending"]) == (FIRST, [])
    assert shop.manager.state(shop.environment).running

    # The way back brings the data as they were, of which the migration is pending again.
    shop.json("restore", "shop", done["safety_backup"], "--yes")
    assert content(shop.data) == before
    assert shop.json("migrate", "shop", "--dry-run")["pending"] == [FIRST]


def test_later_migrations_run_after_those_that_ran(shop: Shop) -> None:
    shop.json("migrate", "shop", "--yes")
    shop.write(SECOND, before="if action == 'upgrade':\n    (directory / 'second').write_text('x')")
    (shop.migrations / "README.md").write_text("no migration")
    assert shop.json("migrate", "shop", "--yes")["migration"]["ran"] == [SECOND]
    assert (shop.data / "second").exists()
    assert shop.json("migrate", "shop")["pending"] == []


@pytest.mark.parametrize(
    ("before", "value", "said"),
    [
        ("sys.exit('no such field')", 4, f"Migration {FIRST} failed: no such field."),
        ("if action == 'upgrade': sys.exit(3)", 4, f"Migration {FIRST} failed: it ended with exit code 3."),
        ("(directory / 'half').write_text('x'); raise KeyError('title')", 4, "KeyError: 'title'."),
        ("", 3, "did not leave what it must: projects/harbour/tasks.json has a task of another schema"),
    ],
)
def test_a_migration_that_fails_or_is_not_verified_leaves_the_data_as_they_were(
    shop: Shop, before: str, value: int, said: str
) -> None:
    shop.write(FIRST, value, before)
    data = content(shop.data)
    code = 1 if before else 4
    told = shop.json("migrate", "shop", "--dry-run", code=code)
    assert before or told["findings"][0]["migration"] == FIRST
    error = shop.json("migrate", "shop", "--yes", code=1)
    assert said in error["message"]
    assert "\n" not in error["message"]
    assert content(shop.data) == data
    assert shop.beside() == []


def test_data_on_which_something_ran_that_the_release_does_not_know_are_refused(shop: Shop) -> None:
    shop.json("migrate", "shop", "--yes")
    (shop.migrations / FIRST).unlink()
    for words in ((), ("--dry-run",), ("--verify",)):
        error = shop.json("migrate", "shop", *words, code=78)
        assert f"newer than the release that serves it: they have {FIRST}" in error["message"]


def test_what_is_wrong_with_the_directory_of_migrations_is_said_before_anything_is_done(shop: Shop) -> None:
    (shop.migrations / FIRST).chmod(0o644)
    assert "is no program that may be run" in shop.json("migrate", "shop", code=1)["message"]
    shop.write("1.again")
    assert f"Two migrations have one number: {FIRST} and 1.again." in shop.json("migrate", "shop", code=1)["message"]
    shutil.rmtree(shop.migrations)
    assert "cannot be read: No such file" in shop.json("migrate", "shop", code=1)["message"]
    shop.migrations.mkdir()
    (shop.data / MIGRATIONS_FILE).write_text('[{"name": 1}]')
    assert "is no record of migrations" in shop.json("migrate", "shop", code=78)["message"]
    assert Journal(Path(shop.environment.journal_directory)).operations() == []


def test_a_migration_with_a_path_of_its_own_is_found_out(shop: Shop) -> None:
    shop.write(FIRST, before=f"directory = pathlib.Path({str(shop.data)!r})")
    error = shop.json("migrate", "shop", "--yes", code=5)
    assert "and not only the copy that it was told" in error["message"]
    backup = shop.json("backup", "list", "shop")["backups"][0]["backup"]
    shop.json("restore", "shop", backup, "--yes")
    assert {task.get("schema") for task in shop.tasks()} == {None}


def test_a_release_of_homeport_brings_its_own_migrations(tmp_path: Path) -> None:
    file = tmp_path / "homeport.toml"
    file.write_text("[environments.production]\nmigrations = 'x'\n")
    command = [sys.executable, "-P", "-m", "homeport", "--config", str(file), "config", "check"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "a release of Homeport brings its own" in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ([1, 2, 3], [1, 2, 3], 0),
        ([1, 2], [2, 1, 3, 3], 2),
        ({"tasks": [{"a": 1}, {"a": 2}]}, {"tasks": [{"a": 1}, {"a": 3}]}, 1),
        ({"v": 1, "tasks": [1]}, {"v": 2, "tasks": [1, 2]}, 2),
        ({"ann": {"x": 1}, "bob": {"x": 1}}, {"ann": {"x": 2, "y": 1}, "cid": {"x": 1}}, 3),
        (None, {"ann": {"x": 1}}, 1),
        ({"x": 1, "y": 2}, {"x": 2, "y": 3}, 1),
        ("a", "b", 1),
    ],
)
def test_what_changed_in_a_document_is_counted_by_its_entries(old: Any, new: Any, changed: int) -> None:
    assert changed_entries(old, new) == changed


def test_what_changed_in_a_directory_is_counted_by_file_and_table(tmp_path: Path) -> None:
    from pysqlite3 import dbapi2

    for side, rows in (("before", [("a", 1), ("b", 2)]), ("after", [("a", 1), ("b", 3), ("c", 4), ("d", 5)])):
        (tmp_path / side).mkdir()
        database = dbapi2.connect(str(tmp_path / side / "shop.db"), isolation_level=None)
        database.execute('CREATE TABLE "odd ""name" (k, v)')
        database.executemany('INSERT INTO "odd ""name" VALUES (?, ?)', rows)
        if side == "after":
            database.execute("CREATE TABLE new (x)")
            database.execute("INSERT INTO new VALUES (1)")
        database.close()
        (tmp_path / side / "same").write_text("x")
        (tmp_path / side / "text").write_text(side)
        (tmp_path / side / "broken.json").write_text(f"{{ {side}")
    (tmp_path / "before" / "gone.json").write_text("[1, 2, 3]")
    (tmp_path / "after" / "ignored").write_text("x")
    assert differences(tmp_path / "before", tmp_path / "after", ignored="ignored") == {
        'shop.db:odd "name': 3,
        "shop.db:new": 1,
        "text": 1,
        "broken.json": 1,
        "gone.json": 3,
    }
