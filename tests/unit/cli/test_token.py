"""homeport token create, list and revoke, without a server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from homeport.cli import main
from homeport.contract import ExitCode
from homeport.coordination.tokens import PATTERN


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == ExitCode.DONE
    capsys.readouterr()
    return tmp_path


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["token", *arguments, "--json"]) == ExitCode.DONE
    return json.loads(capsys.readouterr().out)


def test_a_new_token_stands_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "create", "production", "--name", "nova", "--expires", "90d"]) == ExitCode.DONE
    out, err = capsys.readouterr()
    assert re.fullmatch(PATTERN + "\n", out)
    assert out.startswith("hpt_production_")
    assert "nova: scope write, speaks as any instance, good until " in err
    assert out.strip() not in err


def test_a_token_is_shown_once_and_nothing_on_the_disk_holds_it(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = as_json(capsys, "create", "production", "--name", "nova", "--instance", "nova", "--scope", "read")
    assert (made["scope"], made["instance_id"], made["state"]) == ("read", "nova", "good")
    assert made["token"].startswith(made["prefix"])
    main(["token", "list", "production"])
    listed = capsys.readouterr().out + json.dumps(as_json(capsys, "list", "production"))
    assert made["id"] in listed
    secret = made["token"][-36:]
    assert secret not in listed
    assert not [file for file in workspace.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]


def test_a_revoked_token_stays_in_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    made = as_json(capsys, "create", "production", "--name", "nova")
    assert as_json(capsys, "revoke", "production", made["id"])["state"] == "revoked"
    (listed,) = as_json(capsys, "list", "production")["tokens"]
    assert (listed["id"], listed["state"]) == (made["id"], "revoked")
    assert listed["revoked_at"]


@pytest.mark.parametrize("shown", ["prefix", "token"])
def test_a_token_that_was_found_somewhere_can_be_revoked_by_what_was_found(
    capsys: pytest.CaptureFixture[str], shown: str
) -> None:
    made = as_json(capsys, "create", "production", "--name", "nova")
    assert as_json(capsys, "revoke", "production", made[shown])["id"] == made["id"]


def test_the_tokens_of_two_environments_are_apart(capsys: pytest.CaptureFixture[str]) -> None:
    made = as_json(capsys, "create", "production", "--name", "nova")
    assert as_json(capsys, "list", "development") == {"environment": "development", "tokens": []}
    assert main(["token", "revoke", "development", made["id"]]) == ExitCode.FAILED
    assert f"There is no token {made['id']}" in capsys.readouterr().err


def test_a_look_at_the_list_does_not_begin_the_data(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "list", "production"]) == ExitCode.DONE
    assert "production has no tokens." in capsys.readouterr().out
    assert not list((workspace / "production" / "data").iterdir())


@pytest.mark.parametrize("span", ["90", "0d", "-1d", "1m", "1.5h", "d", "1d1h"])
def test_a_span_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], span: str) -> None:
    assert main(["token", "create", "production", "--name", "n", f"--expires={span}"]) == ExitCode.USAGE
    assert "Write 12h, 90d or 4w." in capsys.readouterr().err


def test_who_makes_a_token_for_an_open_environment_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "create", "development", "--name", "n"]) == ExitCode.DONE
    assert "development is open: it answers without a token too." in capsys.readouterr().err
