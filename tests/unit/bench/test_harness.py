from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.generator import NotMeasuredError, run_load
from bench.report import Figure, Outcome, as_json, table, target_table
from bench.servers import ROOT, Kind, NotStartedError, Server, start
from bench.wire import content, is_right, is_whole, tool_call

# Answers as a server would; to a call that says "wrong" with a tool's error, and to one that says "other" with
# something else than what was asked for.
PRETENDER = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        said = b"something-else" if b"other" in asked else b"as-asked"
        is_error = b"true" if b"wrong" in asked else b"false"
        answer = b'{"result":{"text":"' + said + b'","isError":' + is_error + b'}}'
        self.wfile.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(answer) + answer)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def pretender(*script: str) -> Kind:
    probe = (tool_call("modern", "noop", {}), "as-asked")
    return Kind("a pretender", lambda port, _: [sys.executable, "-c", script[0], str(port)], probe)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with start(pretender(PRETENDER), tmp_path / "pretender") as running:
        yield running


@pytest.mark.parametrize("clients", [1, 4])
def test_load_ends_at_its_limit_and_counts_every_answer(server: Server, clients: int) -> None:
    load = run_load(server, [[tool_call("modern", "noop", {})]], "as-asked", clients=clients, seconds=5, limit=20)
    # Those who had asked already when the last answer came are counted too.
    assert 20 <= load.answered < 20 + clients
    assert 0 < load.p50_ms <= load.p99_ms <= load.max_ms
    assert load.rate == pytest.approx(load.answered / load.seconds)


@pytest.mark.parametrize("tool", ["wrong", "other"])
def test_wrong_answers_are_reported_and_not_counted(server: Server, tool: str) -> None:
    with pytest.raises(NotMeasuredError, match="a pretender"):
        run_load(server, [[tool_call("modern", tool, {})]], "as-asked", clients=2, seconds=5, limit=20)


def test_a_server_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(NotStartedError, match="no luck today"):
        start(pretender("raise SystemExit('no luck today')"), tmp_path / "ended")


@pytest.mark.parametrize(
    ("response", "whole"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n", False),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n", False),
    ],
)
def test_a_response_is_whole_with_its_last_byte(response: bytes, whole: bool) -> None:
    assert is_whole(response) is whole


@pytest.mark.parametrize(
    "response",
    [
        b'HTTP/1.1 500 Oops\r\n\r\n{"result":"fine"}',
        b'HTTP/1.1 200 OK\r\n\r\n{"result":{"text":"fine","isError":true}}',
        b'HTTP/1.1 200 OK\r\n\r\n{"error":{"message":"fine"}}',
        b'HTTP/1.1 200 OK\r\n\r\n{"result":"good"}',
    ],
)
def test_an_error_with_the_marker_in_it_is_no_right_answer(response: bytes) -> None:
    assert not is_right(response, b"fine")


def test_what_a_tool_answered_is_read_from_structure_or_text() -> None:
    structured = b'HTTP/1.1 200 OK\r\n\r\n{"result":{"structuredContent":{"a":1}}}'
    text = b'HTTP/1.1 200 OK\r\n\r\n{"result":{"content":[{"type":"text","text":"{\\"a\\":1}"}]}}'
    assert content(structured) == content(text) == {"a": 1}


def test_the_table_compares_rates_and_times_the_right_way_round() -> None:
    figures = [
        Figure("c", "calls", "we", "/s", (90.0, 100.0, 110.0)),
        Figure("c", "calls", "they", "/s", (20.0,)),
        Figure("c", "start", "we", "ms", (10.0,)),
        Figure("c", "start", "they", "ms", (50.0,)),
    ]
    lines = table(figures).splitlines()
    assert [line for line in lines if "they" in line and "5.0 x" in line] == [lines[2], lines[4]]
    outcome = Outcome(figures)
    outcome.at_least("calls", outcome.times("calls", "we", "they"), 6, " x")
    outcome.at_most("start", 10.0, 20, " ms")
    outcome.at_least("nobody measured it", outcome.times("calls", "we", "nobody"), 1)
    assert [one.met for one in outcome.targets] == [False, True]
    assert "MISSED" in target_table(outcome.targets)
    assert as_json(outcome, {})["figures"][0]["median"] == 100


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_every_case_measures_homeport_in_a_run_of_twenty_requests(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    sizes = ["--limit", "20", "--waiting", "8", "--messages", "2000"]
    places = ["--directory", str(tmp_path), "--keep", str(tmp_path / "kept"), "--json", str(report)]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *sizes, *places], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert report.exists(), done.stdout + done.stderr
    found = json.loads(report.read_text())
    # Whether the others are installed is none of this test's business.
    assert not [text for text in found["failures"] if "Homeport" in text or "messages" in text], found["failures"]
    cases = {
        figure["case"] for figure in found["figures"] if figure["who"] == "Homeport" or "messages" in figure["who"]
    }
    assert cases == {"noop", "send", "telling", "starting", "sizes", "pages"}
    assert found["targets"]
    assert done.returncode == (1 if found["failures"] else 0)
