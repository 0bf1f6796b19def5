"""Health answers: only the right environment, healthy, with status 200, counts."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from homeport.host.health import HealthAnswer, ask_health, judge_health, wait_for_health

HEALTHY = json.dumps({"status": "healthy", "environment": "production", "reasons": []}).encode()


@pytest.fixture
def server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 502)
            self.end_headers()
            self.wfile.write(HEALTHY)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


def test_a_healthy_server_is_healthy(server: str) -> None:
    answer = ask_health(f"{server}/health", "production")
    assert answer.healthy
    assert answer.payload["environment"] == "production"


def test_an_error_status_is_not_healthy_whatever_the_text_says(server: str) -> None:
    assert not ask_health(f"{server}/other", "production").healthy


def test_no_answer_is_not_healthy_and_says_where() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    answer = ask_health(f"http://127.0.0.1:{port}/health", "production")
    assert not answer.healthy
    assert f"no answer from http://127.0.0.1:{port}/health" in answer.reason


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (502, b"<html>Bad Gateway</html>", "status 502, which is not a health answer"),
        (200, b"[]", "status 200, which is not a health answer"),
        (200, b"\xff\xfe", "status 200, which is not a health answer"),
        (200, b'{"status": "healthy"}', "something that is not Homeport answers in place of production"),
        (
            200,
            b'{"status": "healthy", "environment": "development"}',
            "development answers in place of production",
        ),
        (
            503,
            b'{"status": "unhealthy", "environment": "production", "reasons": ["disk full"]}',
            "disk full",
        ),
        (503, b'{"status": "healthy", "environment": "production"}', "status 503"),
    ],
)
def test_everything_else_is_unhealthy_with_its_reason(status: int, body: bytes, reason: str) -> None:
    answer = judge_health(status, body, "production")
    assert (answer.healthy, answer.reason) == (False, reason)


def answers(*found: bool) -> list[HealthAnswer]:
    return [HealthAnswer(healthy=healthy, reason=f"{number}", payload={}) for number, healthy in enumerate(found)]


def test_waiting_ends_with_the_first_healthy_answer() -> None:
    waiting = iter(answers(False, False, True, False))
    assert wait_for_health(lambda: next(waiting), lambda: False, 10).reason == "2"


def test_waiting_is_bounded() -> None:
    waiting = iter(answers(False, False, False))
    assert wait_for_health(lambda: next(waiting), lambda: False, 3).reason == "2"


def test_waiting_ends_when_nobody_will_answer_any_more() -> None:
    waiting = iter(answers(False))
    assert wait_for_health(lambda: next(waiting), lambda: True, 10).reason == "0"
