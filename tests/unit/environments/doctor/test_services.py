"""Crash loops are told apart by their causes, and servers by who runs them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from tests.support.facts import (
    BY_HAND,
    DEVELOPMENT,
    NOW,
    PRODUCTION,
    STALE,
    but,
    directory,
    found,
    healthy,
    kinds,
    loop,
    process,
    the_one,
    unit,
)

# --- crash loops: four causes that look alike from outside ---


def test_a_loop_by_a_sandbox_path_that_is_missing_is_told_by_its_exit_status() -> None:
    gone = PRODUCTION.directory / "gone"
    finding = the_one(loop(exit_status=226, writable=(gone, PRODUCTION.data_directory)))
    assert finding.kind == "crash-loop"
    assert finding.sentence.endswith(f"its sandbox names {gone}, which does not exist.")


def test_a_loop_by_a_held_port_names_who_holds_it() -> None:
    facts = loop()
    facts = replace(facts, processes=(*facts.processes, process(**BY_HAND)))
    findings = {finding.kind: finding for finding in found(facts)}
    assert set(findings) == {"crash-loop", "unmanaged"}
    assert "its port 3444 is held by another process" in findings["crash-loop"].sentence
    assert "process 450244" in " ".join(findings["crash-loop"].evidence)
    assert findings["crash-loop"].mend == "homeport adopt production"


def test_a_slot_that_was_to_take_over_and_did_not_come_up_is_no_loop_while_the_other_one_serves() -> None:
    gone: dict[str, Any] = {"active": "failed", "sub": "failed", "result": "exit-code", "exit_status": 78}
    failed = unit(name=PRODUCTION.slot_unit("green"), main_pid=0, **gone)
    facts = replace(healthy(), units=(*healthy().units, failed))
    assert found(facts) == found(healthy())
    # Where neither serves it is one, and what to do is not taken for what happened.
    lines = ("homeport: no password.", "  Write it.")
    crash = the_one(loop(**gone, last_lines=lines))
    assert "its last line: homeport: no password." in crash.evidence


def test_a_loop_by_a_stale_sandbox_names_the_data_that_cannot_be_written() -> None:
    facts = loop(writable=(STALE,))
    crash = next(finding for finding in found(facts) if finding.kind == "crash-loop")
    assert f"does not let it write its data in {PRODUCTION.data_directory}" in crash.sentence


def test_a_loop_by_an_error_of_its_own_shows_its_last_line() -> None:
    crash = the_one(loop(last_lines=("starting", "SyntaxError: invalid syntax")))
    assert "the program itself ends with 1" in crash.sentence
    assert "its last line: SyntaxError: invalid syntax" in crash.evidence


def test_a_loop_that_no_limit_ends_says_that_nobody_is_told() -> None:
    assert any("its start limit is never reached" in line for line in the_one(loop()).evidence)


def test_a_unit_that_gave_up_is_told_apart_from_one_that_goes_on() -> None:
    crash = the_one(loop(active="failed", sub="failed", result="start-limit-hit", restarts=3))
    assert "gave up" in crash.sentence


def test_a_unit_that_starts_for_the_first_time_is_no_loop() -> None:
    assert "crash-loop" not in kinds(but(healthy(), "units", 0, active="activating", sub="start", restarts=0))


# --- who serves ---


def test_a_server_of_production_that_was_started_by_hand_is_unmanaged() -> None:
    finding = the_one(but(healthy(), "processes", 0, unit=None))
    assert finding.kind == "unmanaged"
    assert finding.mend == "homeport adopt production"


def test_where_no_service_manager_runs_nobody_is_unmanaged() -> None:
    assert found(replace(but(healthy(), "processes", 0, unit=None), managed=False)) == []


def test_a_development_server_is_forgotten_only_after_a_week() -> None:
    assert found(but(healthy(), "processes", 1, unit=None)) == []
    finding = the_one(but(healthy(), "processes", 1, unit=None, started=NOW - timedelta(days=11)))
    assert (finding.kind, finding.environment) == ("forgotten", "development")
    assert "for 11 days" in finding.sentence


def test_a_port_that_another_environments_server_holds_is_named() -> None:
    facts = healthy()
    facts = replace(facts, health={**facts.health, "production": replace(facts.health["development"])})
    finding = the_one(facts)
    assert (finding.kind, finding.environment) == ("port-held", "production")
    assert "the server of development" in finding.sentence


def test_a_port_that_a_stranger_holds_is_named() -> None:
    facts = healthy()
    silent = replace(facts.health["production"], answered=False, healthy=False, environment=None, data_directory=None)
    stranger = process(unit=None, directory=PurePosixPath("/home/someone"), files=(), command="python3 -m http.server")
    facts = replace(facts, processes=(stranger, facts.processes[1]), health={**facts.health, "production": silent})
    assert the_one(facts).kind == "port-held"


def test_what_is_provisioned_and_does_not_run_is_down() -> None:
    facts = healthy()
    stopped = replace(facts, processes=facts.processes[1:], units=(unit(active="inactive", sub="dead"), facts.units[1]))
    assert the_one(stopped).kind == "down"


def test_what_is_declared_and_not_there_is_absent() -> None:
    facts = healthy()
    facts = replace(
        facts,
        processes=facts.processes[:1],
        units=facts.units[:1],
        directories=(*facts.directories[:3], directory(DEVELOPMENT.directory, exists=False)),
        health={"production": facts.health["production"]},
        proxy=None,
        provisioned=frozenset({"production"}),
    )
    finding = the_one(facts)
    assert (finding.kind, finding.environment) == ("absent", "development")


def test_an_unhealthy_server_says_its_reasons() -> None:
    facts = healthy()
    bad = replace(facts.health["production"], healthy=False, reason="The disk is full.")
    finding = the_one(replace(facts, health={**facts.health, "production": bad}))
    assert finding.kind == "unhealthy"
    assert "The disk is full." in finding.evidence[0]


def test_units_that_were_not_reloaded_can_be_fixed() -> None:
    finding = the_one(but(healthy(), "units", 0, needs_reload=True))
    assert finding.kind == "units-not-reloaded"
    assert [str(step) for step in finding.fix] == ["run systemctl daemon-reload"]


def test_a_socket_and_a_timer_that_were_not_reloaded_are_one_finding_of_the_environment_whose_they_are() -> None:
    theirs = (f"{PRODUCTION.unit}.socket", f"{PRODUCTION.unit}-backup.timer")
    finding = the_one(replace(healthy(), unread=theirs))
    assert (finding.kind, finding.environment) == ("units-not-reloaded", "production")
    assert finding.sentence.startswith(f"{theirs[1]} and 1 more changed on disk")
    assert finding.evidence == tuple(f"NeedDaemonReload=yes for {name}" for name in reversed(theirs))
