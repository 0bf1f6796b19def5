"""``homeport settle``: what was left open is brought to its end; what cannot be is ended as it is, for all to see."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pytest

from homeport.cli import main
from homeport.contract import DatabaseAddress, ExitCode
from homeport.environments.environment import Environment
from homeport.environments.plan import Plan
from homeport.environments.releases.steps import AwaitRelease, DemandNothingLost
from homeport.environments.steps import RemoveDirectory, Rename, Step
from homeport.host.declaration_file import read_declaration
from homeport.host.journal import Attempt, Journal
from homeport.server import databases
from tests.support.command_line import CommandLine
from tests.support.ports import free_ports

WHY = "the disk is gone"


class Site(CommandLine):
    """Production, which was never started, and operations that its journal knows."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(directory / "homeport.toml", capsys)
        http, sse = free_ports(2)
        self.file.write_text(
            f"[environments.production]\nhttp_port = {http}\nsse_port = {sse}\nservice = 'processes'\n"
        )
        self.base = Path(self.environment.directory)
        Path(self.environment.journal_directory).mkdir(parents=True)
        self.journal = Journal(Path(self.environment.journal_directory))

    @property
    def environment(self) -> Environment:
        return read_declaration(self.file, {}).environment("production")

    def left_open(self, operation: str = "one", name: str = "restore") -> None:
        """A run was killed after it had renamed a directory."""
        source, target = PurePosixPath(self.base / "here"), PurePosixPath(self.base / "aside")
        self.begun(operation, name, Rename(source, target), (Rename(target, source),))
        Path(target).mkdir()

    def begun(self, operation: str, name: str, step: Step, inverse: Sequence[Step]) -> None:
        self.journal.begin(operation, Plan(name, "production", (step,)))
        self.journal.step_begins(operation, 0, inverse)
        self.journal.step_done(operation, 0)

    def stuck(self, operation: str = "one", name: str = "restore") -> None:
        """Somebody has put something where the directory was."""
        self.left_open(operation, name)
        (self.base / "here").mkdir(exist_ok=True)
        (self.base / "here" / "file").touch()
        assert "is in the way" in self.json("settle", "production", code=5)["error"]["message"]

    def kinds(self) -> list[tuple[str, str]]:
        """What the doctor finds of operations, and what mends it."""
        self._capsys.readouterr()
        main(["--config", str(self.file), "doctor", "production", "--json"])
        found = json.loads(self._capsys.readouterr().out)["findings"]
        return [(one["kind"], one["mend"]) for one in found if one["kind"].startswith("operation-")]


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    return Site(tmp_path, capsys)


def test_what_a_run_that_was_killed_left_open_is_found_and_brought_to_its_end(site: Site) -> None:
    site.left_open()
    assert site.kinds() == [("operation-open", "homeport settle production")]
    out, _ = site.run("status")
    assert "restore (one) was left open by a run that was killed: the next command finishes or undoes it." in out
    assert "would finish or undo restore (one)" in site.run("settle", "production", "--dry-run")[0]
    assert (site.base / "aside").is_dir()
    assert site.json("settle", "production")["ended"] == ["one"]
    assert (site.base / "here").is_dir()
    assert site.journal.operations()[0].outcome == "undone"
    assert "Nothing is left open in production." in site.run("settle", "production")[0]


@pytest.mark.needs_postgres
def test_nothing_is_taken_back_under_the_operation_of_another_machine(site: Site, database: DatabaseAddress) -> None:
    with site.file.open("a") as file:
        file.write(f"database = '{database.url}'\n")
    site.left_open()
    with databases.reserved(database, "production", "deploy", needed=True):
        error = site.json("settle", "production", code=ExitCode.REFUSED)["error"]
        assert "Another operation is changing production: deploy process" in error["message"]
        assert (site.base / "aside").is_dir()
        assert site.journal.operations()[0].is_open
    (site.base / "here").mkdir()
    (site.base / "here" / "file").touch()
    site.run("settle", "production", code=ExitCode.NEEDS_PERSON)
    # To end it as things are changes nothing but the journal.
    with databases.reserved(database, "production", "deploy", needed=True):
        assert site.json("settle", "production", "one", "--why", WHY, "--yes")["settled"] == "one"


def test_what_nobody_has_tried_to_bring_to_its_end_is_not_settled(site: Site) -> None:
    site.left_open()
    error = site.json("settle", "production", "one", "--why", WHY, "--yes", code=ExitCode.REFUSED)["error"]
    assert "nobody has tried yet to finish or undo it" in error["message"]
    assert error["hint"].startswith("homeport settle production tries")
    assert site.journal.operations()[0].is_open


def test_what_can_neither_be_finished_nor_undone_says_how_things_stand_and_what_to_choose_between(site: Site) -> None:
    site.stuck()
    _, err = site.run("stop", "production", code=ExitCode.NEEDS_PERSON)
    assert f"Could not rename {site.base}/aside to {site.base}/here" in err
    assert "  Its server does not run" in err
    assert f"  There is no {site.base}/data: its data are not in their place." in err
    assert "Mend that, then homeport settle production goes on where this stopped." in err
    assert "homeport settle production one --why TEXT ends it as things are" in err
    ((kind, mend),) = site.kinds()
    assert kind == "operation-stuck"
    assert "homeport settle production one --why TEXT" in mend
    assert "restore (one) is stuck and needs a person: homeport log production one" in site.run("status")[0]
    told = site.json("log", "production", "one")
    assert [attempt["step"] for attempt in told["attempts"]] == ["Rename", "Rename"]
    out, _ = site.run("log", "production", "one")
    assert "\nmend: Mend that, then homeport settle" in out


def test_once_it_is_mended_it_is_undone_and_nothing_says_that_it_could_not_be(site: Site) -> None:
    site.stuck()
    (site.base / "here" / "file").unlink()
    (site.base / "here").rmdir()
    site.run("settle", "production")
    operation = site.journal.operations()[0]
    assert (operation.outcome, operation.sentence) == ("undone", "the run before was killed")


def test_one_that_is_settled_stays_as_it_was_and_is_shown_until_something_has_put_things_right(site: Site) -> None:
    site.stuck()
    words = ("settle", "production", "one", "--why", WHY)
    assert "would settle restore (one) as things are" in site.run(*words, "--dry-run")[0]
    assert "--yes" in site.json(*words, code=ExitCode.REFUSED)["error"]["hint"]
    assert site.journal.operations()[0].is_open
    told = site.json(*words, "--yes")
    assert (told["settled"], told["mend"].split(";")[0]) == ("one", "homeport restore production latest")
    assert any("its data are not in their place" in line for line in told["state"])
    assert (site.base / "aside").is_dir()
    operation = site.journal.operations()[0]
    assert (operation.outcome, operation.sentence, operation.is_open) == ("settled", WHY, False)
    assert operation.settled_by["user"] == getpass.getuser()
    assert site.journal.find_tampering() is None
    # The next command goes on with what it is for.
    site.run("stop", "production")
    assert site.kinds() == [("operation-settled", told["mend"])]
    assert f"was settled by {getpass.getuser()}, and nothing has put things right since: {WHY}" in site.run("status")[0]
    out, _ = site.run("log", "production", "one")
    assert f"by {getpass.getuser()}: {WHY}" in out
    site.begun("two", "deploy", Rename(PurePosixPath("/a"), PurePosixPath("/b")), ())
    site.journal.end("two", "done")
    assert site.kinds() == []


def test_a_server_that_was_only_started_does_not_put_data_right_but_what_was_about_servers(site: Site) -> None:
    site.stuck("one", "restore")
    site.run("settle", "production", "one", "--why", WHY, "--yes")
    site.begun("two", "start", Rename(PurePosixPath("/a"), PurePosixPath("/b")), ())
    site.journal.end("two", "done")
    assert [kind for kind, _ in site.kinds()] == ["operation-settled"]
    (site.base / "aside").rmdir()
    site.stuck("three", "stop")
    site.run("settle", "production", "three", "--why", WHY, "--yes")
    assert [mend for _, mend in site.kinds()] == [
        "homeport restore production latest; or deploy, rollback, whichever is right",
        "homeport stop production",
    ]
    site.begun("four", "start", Rename(PurePosixPath("/a"), PurePosixPath("/b")), ())
    site.journal.end("four", "done")
    assert len(site.kinds()) == 1


def left_without_data(site: Site) -> Path:
    """A run was killed after it had renamed the data; where they are now."""
    data = site.base / "data"
    aside = data.with_name("data.before-one")
    there, back = (PurePosixPath(data), PurePosixPath(aside)), (PurePosixPath(aside), PurePosixPath(data))
    site.begun("one", "restore", Rename(*there), (Rename(*back),))
    aside.mkdir()
    (aside / "homeport.db").touch()
    return aside


@pytest.mark.parametrize(
    "words",
    [
        ("start", "production"),
        ("start", "production", "--dry-run"),
        ("restart", "production"),
        ("deploy", "production", "--yes"),
        ("up", "production"),
        ("init",),
    ],
    ids=" ".join,
)
def test_what_was_settled_without_its_data_does_not_begin_with_nothing(site: Site, words: Sequence[str]) -> None:
    aside = left_without_data(site)
    site.journal.stick("one", Attempt("", "its disk is gone", "ill", "", "Rename"))
    site.run("settle", "production", "one", "--why", WHY, "--yes")
    error = site.json(*words, code=ExitCode.REFUSED)["error"]
    assert f"There is no {site.base}/data, and production does not begin with nothing" in error["message"]
    assert error["hint"].startswith("homeport restore production latest.")
    assert not (site.base / "data").exists()
    # What lay beside it was it.
    aside.rename(site.base / "data")
    assert site.json("start", "production", "--dry-run")["plan"]["operation"] == "start"


def test_a_start_that_finds_an_operation_open_without_its_data_puts_them_back_first(site: Site) -> None:
    """An empty directory in their place would be in the way, and nothing could undo it."""
    left_without_data(site)
    with socket.create_server(("127.0.0.1", site.environment.http_port or 0)):
        error = site.json("start", "production", code=ExitCode.CANNOT_START)["error"]
    assert "was not started by homeport start" in error["message"]
    assert (site.base / "data" / "homeport.db").exists()
    assert site.journal.operations()[0].outcome == "undone"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("one",), 2, "Nobody says why one is settled."),
        (("one", "--why", "  "), 2, "Nobody says why one is settled."),
        (("--why", WHY), 2, "What is settled is named by its id."),
        (("two", "--why", WHY), 2, "The journal of production has no operation two."),
        (("done", "--why", WHY), 2, "done is not stuck: it is undone (no room)."),
    ],
)
def test_what_cannot_be_settled_is_refused(site: Site, words: Sequence[str], code: int, said: str) -> None:
    site.begun("done", "restore", Rename(PurePosixPath("/a"), PurePosixPath("/b")), ())
    site.journal.end("done", "undone", "no room")
    site.stuck()
    assert said in site.json("settle", "production", *words, "--yes", code=code)["error"]["message"]
    assert site.journal.operations()[-1].is_open


def test_where_a_person_has_a_choice_the_operation_ends_with_that_and_is_not_settled(site: Site) -> None:
    site.left_open("one", "deploy")
    site.journal.stick(
        "one", Attempt("", "it would lose 3 messages", "ill", "--stay keeps it", DemandNothingLost.__name__)
    )
    error = site.json("settle", "production", "one", "--why", WHY, "--yes", code=ExitCode.REFUSED)["error"]
    assert error["message"] == "one waits for a choice, and ends with it: it is not settled."
    assert error["hint"] == "--stay keeps it"


def test_what_was_kept_aside_before_a_migration_is_no_later_operations_own(site: Site) -> None:
    """A change to the same release would remove a copy that an earlier one left."""
    aside = PurePosixPath(site.base / "data.before-next")
    site.begun("one", "rollback", AwaitRelease("production", "next", aside), ())
    Path(aside).mkdir(parents=True)
    site.journal.stick("one", Attempt("", "the one before does not start", "ill", "", "AwaitHealth"))
    told = site.json("settle", "production", "one", "--why", WHY, "--yes")
    assert Path(f"{aside}-one").is_dir()
    assert f"Beside them lies {aside}-one: the data as they were before." in told["state"]
    assert not Path(aside).exists()


def test_steps_of_another_version_are_shown_and_can_be_settled_once_they_were_tried(site: Site) -> None:
    """The version that began it may be gone; nothing must wait for it for ever."""
    site.begun(
        "one", "deploy", Rename(PurePosixPath("/a"), PurePosixPath("/b")), (RemoveDirectory(PurePosixPath("/c")),)
    )
    file = site.base / "journal" / "operations.jsonl"
    file.write_text(file.read_text().replace('"RemoveDirectory"', '"FoldSpace"'))
    assert "open" in site.run("log", "production")[0]
    assert "[done] rename /a to /b" in site.run("log", "production", "one")[0]
    assert [kind for kind, _ in site.kinds()] == ["operation-open"]
    error = site.json("start", "production", code=ExitCode.NEEDS_PERSON)["error"]
    assert (
        "one was left open: The journal has a step that this version of Homeport does not know: 'FoldSpace'"
        in (error["message"])
    )
    assert "Run the version that began it" in error["hint"]
    assert "homeport settle production one --why TEXT" in error["hint"]
    site.run("settle", "production", "one", "--why", WHY, "--yes")
    assert site.journal.operations()[0].outcome == "settled"
