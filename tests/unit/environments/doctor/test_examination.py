"""Each fault of a machine is named by its kind, with its cause; a machine without a fault is left in peace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

import pytest

from homeport.environments.doctor.facts import HostFacts, ProxyFacts, SecretFact
from homeport.environments.doctor.finding import nagios_line
from homeport.environments.doctor.machine import loses_data
from homeport.environments.doctor.proxies import route
from homeport.environments.machine.drift import Drift
from tests.support.facts import (
    BY_HAND,
    DEVELOPMENT,
    ENVIRONMENTS,
    NOW,
    PRODUCTION,
    ROOT,
    STALE,
    backups,
    but,
    directory,
    found,
    healthy,
    job,
    kinds,
    location,
    loop,
    process,
    the_one,
)


def test_a_machine_on_which_all_is_well_has_no_finding() -> None:
    assert found(healthy()) == []


def test_a_machine_on_which_nothing_has_begun_has_nothing_that_could_be_lost() -> None:
    facts = HostFacts(now=NOW, directories=tuple(directory(one.directory, kind="files") for one in ENVIRONMENTS))
    assert kinds(facts) == []
    begun = replace(facts, directories=(*facts.directories, directory(PRODUCTION.data_directory)))
    assert kinds(begun) == ["never-backed-up"]
    hidden = directory(PRODUCTION.data_directory, kind="unknown", files=0)
    assert kinds(replace(facts, directories=(*facts.directories, hidden))) == ["never-backed-up"]


# --- nginx ---


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"upstream": "http://localhost:3446"}, "proxy-path-lost"),
        ({"upstream": "http://127.0.0.1:3444/mcp"}, "proxy-misroutes"),
        ({"buffering": True}, "proxy-breaks-streams"),
        ({"read_timeout": 30.0}, "proxy-breaks-streams"),
        ({"http_version": "1.0"}, "proxy-breaks-streams"),
    ],
)
def test_a_location_of_nginx_that_does_not_lead_where_it_should_is_found(changes: dict[str, Any], kind: str) -> None:
    good = location(DEVELOPMENT, "/sse/dev", upstream="http://127.0.0.1:3447/sse")
    proxy = ProxyFacts(locations=(location(), replace(location(DEVELOPMENT, "/mcp/dev"), **changes), good))
    finding = the_one(replace(healthy(), proxy=proxy))
    assert (finding.kind, finding.environment) == (kind, "development")


def test_a_pattern_that_shadows_a_location_is_found() -> None:
    shadow = location(modifier="~", path="^/mcp")
    proxy = ProxyFacts(locations=(location(), location(DEVELOPMENT, "/mcp/dev"), shadow))
    assert [one.kind for one in found(replace(healthy(), proxy=proxy), "development")] == ["proxy-misroutes"]


def test_a_configuration_that_nginx_refuses_is_found() -> None:
    finding = the_one(replace(healthy(), proxy=ProxyFacts(error='unknown directive "proxy_pas"')))
    assert (finding.kind, finding.environment) == ("proxy-invalid", None)


def test_nginx_takes_the_longest_prefix_unless_a_pattern_fits() -> None:
    name = "coordination.example.org"
    short, long = location(path="/mcp"), location(DEVELOPMENT, "/mcp/dev")
    pattern = location(modifier="~", path="^/mcp/dev", upstream="http://127.0.0.1:9")
    guarded = location(modifier="^~", path="/mcp/dev/", upstream="http://127.0.0.1:8/")
    assert _port(route((short, long), name, "/mcp/dev")) == 3446
    assert _port(route((short, long, pattern), name, "/mcp/dev")) == 9
    assert _port(route((short, long, pattern, guarded), name, "/mcp/dev/x")) == 8
    assert route((short,), name, "/") is None
    assert route((short,), "other.example.org", "/mcp") is None
    mapped = route((guarded,), name, "/mcp/dev/x")
    assert mapped is not None
    assert mapped.path == "/x"


def _port(found: Any) -> int | None:
    return None if found is None else found.port


def test_a_location_is_mended_by_whoever_wrote_it() -> None:
    def mend(file: str) -> str:
        broken = location(DEVELOPMENT, "/mcp/dev", buffering=True, file=PurePosixPath(file), line=7)
        return the_one(replace(healthy(), proxy=ProxyFacts(locations=(location(), broken)))).mend

    assert mend("/etc/nginx/homeport/localhost/x.conf") == "homeport provision development --overwrite-drift"
    assert mend("/etc/nginx/sites-enabled/x") == "mend line 7 of /etc/nginx/sites-enabled/x, then nginx -s reload"


# --- the machine ---


def test_a_file_from_the_future_tells_of_a_clock_that_was_set_back() -> None:
    finding = the_one(but(healthy(), "directories", 1, newest=NOW + timedelta(days=1)))
    assert finding.kind == "clock"
    assert f"{PRODUCTION.data_directory} has a file from 2026-10-03 12:00" in finding.sentence
    assert found(but(healthy(), "directories", 1, newest=NOW + timedelta(minutes=1))) == []


@pytest.mark.parametrize(
    ("worse", "kind"),
    [
        (lambda facts: but(facts, "directories", 1, free=1 << 20), "disk-nearly-full"),
        (lambda facts: but(facts, "directories", 1, read_only=True), "read-only"),
        (lambda facts: but(facts, "directories", 1, mode=0o755), "open-to-others"),
        (lambda facts: but(facts, "processes", 0, sqlite="3.40.1"), "sqlite-old"),
        (lambda facts: replace(facts, clock="it is not synchronised"), "clock"),
        (lambda facts: replace(facts, drift={"production": (Drift(ROOT / "unit", "edited"),)}), "drift"),
        (
            lambda facts: replace(
                facts, secrets=(SecretFact(path=ROOT / "credentials.toml", mode=0o644, what="credentials"),)
            ),
            "secret-readable",
        ),
    ],
)
def test_what_is_wrong_with_the_machine_is_found(worse: Callable[[HostFacts], HostFacts], kind: str) -> None:
    assert the_one(worse(healthy())).kind == kind


def test_only_what_a_person_edited_must_be_overwritten() -> None:
    def mend(*drift: Drift) -> str:
        return the_one(replace(healthy(), drift={"production": drift})).mend.partition(" makes")[0]

    declared_anew = Drift(ROOT / "unit", "outdated")
    assert mend(declared_anew) == "homeport provision production"
    assert mend(declared_anew, Drift(ROOT / "x", "edited")) == "homeport provision production --overwrite-drift"


@pytest.mark.parametrize(
    ("version", "bad"),
    [
        *(("3.40.1", True), ("3.51.2", True), ("3.51.3", False), ("3.53.4", False), ("3.6.23", False)),
        *(("3.44.5", True), ("3.44.6", False), ("3.50.7", False), ("3.50.6", True), ("unknown", False)),
    ],
)
def test_versions_of_sqlite_that_can_corrupt_a_database_are_known(version: str, *, bad: bool) -> None:
    assert loses_data(version) is bad


# --- the whole ---


def test_the_machine_of_the_proposal_is_named_cause_by_cause_and_nothing_else() -> None:
    facts = loop(writable=(STALE,))
    by_hand = process(**BY_HAND, files=(), command="node src/streamable-http-server.js", sqlite=None)
    facts = replace(
        facts,
        processes=(by_hand,),
        units=facts.units[:1],
        directories=(
            directory(PRODUCTION.directory, kind="files", mode=0o755),
            directory(PRODUCTION.data_directory, kind="json-v1"),
            directory(STALE, kind="json-v1", newest=NOW - timedelta(days=3)),
            directory(DEVELOPMENT.directory, exists=False),
        ),
        jobs=(job(paths=(STALE, ROOT / "production-data-backups")),),
        health={},
        backups={},
        proxy=None,
        provisioned=frozenset(),
    )
    assert sorted(kinds(facts)) == [
        "absent",
        "backup-misses-data",
        "crash-loop",
        "never-backed-up",
        "sandbox-misses-data",
        "stale-data",
        "unmanaged",
    ]


def test_findings_of_one_environment_can_be_asked_for() -> None:
    facts = but(but(healthy(), "processes", 1, unit=None, started=NOW - timedelta(days=11)), "processes", 0, unit=None)
    assert [one.environment for one in found(facts, "development")] == ["development"]
    assert [one.environment for one in found(facts)] == ["production", "development"]


def test_every_finding_says_how_one_sees_it_what_comes_of_it_and_what_mends_it() -> None:
    facts = replace(backups(last_drill=None), clock="it is not synchronised")
    for finding in found(but(facts, "directories", 1, mode=0o755, tracked=ROOT)):
        assert finding.evidence
        assert finding.consequence.endswith(".")
        assert finding.sentence.endswith(".")
        assert finding.mend


def test_monitoring_gets_one_line_and_its_own_codes() -> None:
    assert nagios_line([], ["production"]) == (0, "HOMEPORT OK - production: nothing found | findings=0")
    code, line = nagios_line(found(backups(last_drill=None)), ["production"])
    assert (code, line.splitlines()[0]) == (
        1,
        "HOMEPORT WARNING - No backup of production was ever restored. | findings=1",
    )
    code, line = nagios_line(found(but(backups(last_drill=None), "processes", 0, unit=None)), ["production"])
    assert code == 2
    assert "(and 1 more)" in line
