"""``homeport init --checkout``: a checkout that is there becomes what development runs from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from homeport.cli import main
from homeport.contract import ExitCode
from tests.support.checkouts import commit, git, new_repository


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one commit; the current directory is beside it."""
    monkeypatch.chdir(tmp_path)
    one = new_repository(tmp_path / "app")
    (one / "src").mkdir()
    commit(one, "begun", server_js="")
    return one


def refused(capsys: pytest.CaptureFixture[str], code: ExitCode, *arguments: str) -> str:
    """What is said; nothing may have been written."""
    assert main(["init", *arguments]) == code
    assert not list(Path.cwd().rglob("homeport.toml"))
    return capsys.readouterr().err


def shown(capsys: pytest.CaptureFixture[str], file: Path) -> Any:
    capsys.readouterr()
    assert main(["config", "show", "development", "--config", str(file), "--json"]) == ExitCode.DONE
    return json.loads(capsys.readouterr().out)["environments"][0]


def test_a_checkout_is_declared_with_its_branch(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(checkout, "switch", "--quiet", "--create", "feature/x")
    assert main(["init", "environments", "--checkout", "app"]) == ExitCode.DONE
    assert "is not Homeport's own source" in capsys.readouterr().out
    development = shown(capsys, Path("environments"))
    assert (development["checkout"], development["branch"]) == (str(checkout), "feature/x")
    assert Path("environments/development/data").is_dir()
    assert git(checkout, "status", "--porcelain") == ""


def test_from_within_the_checkout_it_is_the_same(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    assert main(["init", "../environments", "--checkout", "."]) == ExitCode.DONE
    assert shown(capsys, Path("../environments"))["checkout"] == str(checkout)


@pytest.mark.parametrize("arguments", [("app",), ("app/environments", "--checkout", "app")])
def test_data_are_not_put_where_git_works(
    checkout: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    said = refused(capsys, ExitCode.REFUSED, *arguments)
    assert "git checkout" in said
    assert f"homeport init {checkout}-environments --checkout {checkout}" in said


def test_a_place_that_git_ignores_may_be_within_it(checkout: Path) -> None:
    (checkout / ".gitignore").write_text("environments/\n")
    assert main(["init", "app/environments", "--checkout", "app"]) == ExitCode.DONE
    assert git(checkout, "status", "--porcelain").splitlines() == ["?? .gitignore"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere", "There is no directory"),
        ("plain", "is no git checkout"),
        ("bare.git", "is a bare repository"),
        ("app/src", "lies in the checkout"),
        ("empty", "has no commit yet"),
    ],
)
def test_what_is_no_checkout_is_told_apart(
    checkout: Path, capsys: pytest.CaptureFixture[str], path: str, words: str
) -> None:
    Path("plain").mkdir()
    new_repository(Path("empty"))
    git(Path(), "init", "--quiet", "--bare", "bare.git")
    assert words in refused(capsys, ExitCode.USAGE, "environments", "--checkout", path)


def test_a_file_that_exists_is_left_as_it_is(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "environments"]) == ExitCode.DONE
    before = Path("environments/homeport.toml").read_text()
    capsys.readouterr()
    assert main(["init", "environments", "--checkout", "app"]) == ExitCode.REFUSED
    assert f'checkout = "{checkout}"' in capsys.readouterr().err
    assert Path("environments/homeport.toml").read_text() == before
