"""Health answers of other servers, and whose answer it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from homeport.environments.services.health import HealthAnswer, judge_foreign_health
from homeport.environments.services.state import (
    Listening,
    PortHolder,
    ServiceEnd,
    ServiceState,
    find_impostor,
    find_unmanaged,
)

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
RUNNING = ServiceState(manager="processes", running=True, pids=(7, 8), since=NOW - timedelta(seconds=10))
STRANGER = PortHolder(99, "node server.js", "/srv", None)


def answer(**payload: object) -> HealthAnswer:
    return HealthAnswer(healthy=True, reason="", payload=dict(payload))


@pytest.mark.parametrize(
    ("status", "body", "says", "reason"),
    [
        (200, b"", {}, ""),
        (204, b"not JSON", {}, ""),
        (199, b"{}", {}, "status 199"),
        (301, b"{}", {}, "status 301"),
        (503, b'{"status": "ok"}', {"status": "ok"}, "status 503"),
        (200, b'{"status": "ok"}', {"status": "ok"}, ""),
        (200, b'{"status": "starting"}', {"status": "ok"}, 'status is "starting", not "ok"'),
        (200, b"{}", {"status": "ok"}, 'status is null, not "ok"'),
        (200, b'{"ready": true}', {"ready": "true"}, ""),
        (200, b"<html>", {"status": "ok"}, "status 200 without a JSON object"),
        (200, b"[" * 100_000, {"status": "ok"}, "status 200 without a JSON object"),
    ],
)
def test_another_servers_answer_is_judged_by_its_status_and_what_it_should_say(
    status: int, body: bytes, says: dict[str, str], reason: str
) -> None:
    found = judge_foreign_health(status, body, says)
    assert found.reason == reason
    assert found.healthy == (reason == "")


def test_the_servers_own_answer_is_believed() -> None:
    assert find_impostor(RUNNING, answer(uptime_seconds=9.5), NOW) is None
    assert find_impostor(RUNNING, answer(), NOW) is None


def test_an_answer_of_one_that_began_before_it_is_not() -> None:
    assert "which began before this one" in (find_impostor(RUNNING, answer(uptime_seconds=900), NOW) or "")


def test_an_answer_while_a_stranger_holds_the_port_is_not() -> None:
    assert "process 99" in (find_impostor(replace(RUNNING, unmanaged=STRANGER), answer(), NOW) or "")


def test_an_answer_while_it_does_not_run_is_not() -> None:
    assert find_impostor(replace(RUNNING, running=False, pids=()), answer(), NOW)


def test_whoever_listens_and_is_none_of_its_processes_is_unmanaged() -> None:
    own, init = PortHolder(8, "x", "/", None), PortHolder(1, "init", "/", None)
    assert (
        find_unmanaged((Listening("http_port", 1, (own,)), Listening("sse_port", 2, (STRANGER,))), (7, 8)) == STRANGER
    )
    assert find_unmanaged((Listening("http_port", 1, (own, STRANGER)),), (7, 8)) is None
    assert find_unmanaged((Listening("http_port", 1, (init,)),), ()) is None
    unseen = PortHolder(None, None, None, None)
    assert find_unmanaged((Listening("http_port", 1, (unseen,)),), (7,)) == unseen
    assert find_unmanaged((Listening("http_port", 1, (unseen,)),), (), sees_them=False) == unseen
    assert find_unmanaged((Listening("http_port", 1, (unseen,)),), (7,), sees_them=False) is None


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (ServiceEnd(code=78, line="port in use"), "ended with exit code 78: port in use"),
        (ServiceEnd(code=None, signal="SIGKILL"), "was ended by SIGKILL"),
        (ServiceEnd(code=None, signal="SIGABRT", cause="watchdog"), "was ended by SIGABRT (watchdog)"),
    ],
)
def test_an_end_is_a_sentence(end: ServiceEnd, text: str) -> None:
    assert str(end) == text
    assert not end.is_clean
