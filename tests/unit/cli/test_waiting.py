"""A backup and a drill by the clock wait for another operation; by hand they are told at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from homeport.cli import main
from homeport.contract import ExitCode
from homeport.host.declaration_file import read_declaration
from homeport.host.operation_lock import operation_lock
from tests.support.begun import begin_data
from tests.support.waiting import until


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "homeport.toml"
    file.write_text("[environments.development]\nservice = 'processes'\n")
    data = Path(read_declaration(file, {}).environment("development").data_directory)
    data.mkdir(parents=True)
    begin_data(data)
    return file


def test_what_may_wait_begins_when_the_other_one_has_ended(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Path(read_declaration(file, {}).environment("development").journal_directory)
    journal.mkdir(parents=True, exist_ok=True)
    create = ["backup", "create", "development", "--config", str(file)]
    with ThreadPoolExecutor(1) as threads:
        with operation_lock(journal, "development"):
            assert main(create) == ExitCode.REFUSED
            assert main([*create, "--wait", "0.1"]) == ExitCode.REFUSED
            capsys.readouterr()
            waiting = threads.submit(main, [*create, "--wait", "50"])
            until(lambda: "It is waited for." in capsys.readouterr().err)
            assert not waiting.done()
        assert waiting.result(50) == ExitCode.DONE
    with ThreadPoolExecutor(1) as threads:
        with operation_lock(journal, "development"):
            drill = threads.submit(main, ["backup", "drill", "development", "--wait", "50", "--config", str(file)])
            until(lambda: "It is waited for." in capsys.readouterr().err)
        assert drill.result(50) == ExitCode.DONE
