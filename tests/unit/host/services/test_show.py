"""What a real systemd 252 said of units in each of their states (tests/data/systemctl) is read rightly."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.contract.database import WAITING
from homeport.environments.services.state import ServiceEnd
from homeport.host.services.show import Unit, latest, parse_show

RECORDED = Path(__file__).parents[3] / "data" / "systemctl"
BOOT = datetime(2026, 11, 1, tzinfo=UTC)


def recorded(name: str) -> list[Unit]:
    return parse_show((RECORDED / f"{name}.txt").read_text())


def last(name: str) -> Unit:
    found = latest(recorded(name))
    assert found is not None
    return found


def end_of(name: str) -> ServiceEnd | None:
    unit = last(name)
    number = int(unit.status)
    return unit.end(BOOT, signal.Signals(number).name if number in set(signal.Signals) else None, "its last line")


def test_units_that_are_not_there_are_told() -> None:
    assert [unit.is_loaded for unit in recorded("none")] == [False, False]


@pytest.mark.parametrize(
    ("name", "unit", "up"),
    [
        ("installed", "demo@blue.service", False),
        ("enabled-green", "demo@green.service", False),
        ("running-blue", "demo@blue.service", True),
        ("killed", "demo@blue.service", False),
        ("auto-restart-waiting", "demo@green.service", False),
        ("restarted-once", "demo@green.service", True),
        ("stopped-cleanly", "demo@green.service", False),
        ("changed-on-disk", "demo@blue.service", True),
    ],
)
def test_the_slot_that_serves_or_did_last_is_found(name: str, unit: str, up: bool) -> None:
    assert (last(name).id, last(name).is_up) == (unit, up)


def test_a_running_unit_has_its_process_its_group_and_its_socket() -> None:
    unit = last("running-blue")
    assert unit.pid == 96
    assert unit.cgroup.endswith("/demo@blue.service")
    assert unit.sockets == ["demo.socket"]
    assert end_of("running-blue") is None


def test_restarts_are_counted() -> None:
    assert last("restarted-once").restarts == 1


@pytest.mark.parametrize(
    ("name", "code", "by", "sentence"),
    [
        ("killed", None, "SIGKILL", "was ended by SIGKILL: its last line"),
        ("exit-78", 78, None, "ended with exit code 78: its last line"),
        ("start-limit", 1, None, "ended with exit code 1: its last line"),
        ("namespace", 226, None, "ended with exit code 226 (226/NAMESPACE: a path that its sandbox names is missing)"),
        ("exec", 203, None, "ended with exit code 203 (203/EXEC: its program cannot be run)"),
    ],
)
def test_the_ways_to_end_are_told_apart(name: str, code: int | None, by: str | None, sentence: str) -> None:
    end = end_of(name)
    assert end is not None
    assert (end.code, end.signal) == (code, by)
    assert str(end).startswith(sentence)
    assert not end.is_clean
    assert not end.asked


def test_one_that_was_stopped_ended_cleanly() -> None:
    end = end_of("stopped-cleanly")
    assert end is not None
    assert end.is_clean
    assert end.at is not None
    assert (end.at - BOOT).total_seconds() == 2453.164539


def test_one_that_never_ran_has_no_end() -> None:
    assert end_of("installed") is None


@pytest.mark.parametrize(("result", "cause"), [("watchdog", "watchdog"), ("oom-kill", "oom-kill"), ("signal", "")])
def test_systemds_word_for_the_cause_is_passed_on_where_it_says_more(result: str, cause: str) -> None:
    unit = Unit({**last("killed").properties, "Result": result})
    end = unit.end(BOOT, "SIGKILL", "")
    assert end is not None
    assert end.cause == cause


@given(st.text())
def test_any_text_is_read_without_a_fault(text: str) -> None:
    for unit in parse_show(text):
        assert unit.pid >= 0
        unit.end(BOOT, None, "")


def test_a_server_that_waits_for_its_data_says_for_what_until_it_has_begun() -> None:
    said = {"Id": "homeport-production@blue.service", "StatusText": f"{WAITING}The database is away."}
    assert Unit({**said, "ActiveState": "activating", "SubState": "start"}).waits_for == "The database is away."
    assert Unit({**said, "ActiveState": "failed", "SubState": "failed"}).waits_for == ""
    assert Unit({"ActiveState": "activating", "SubState": "start", "StatusText": "Opening the data"}).waits_for == ""
