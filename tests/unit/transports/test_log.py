"""The log's lines."""

from __future__ import annotations

import json
import logging

from homeport.transports.log import Log, LogHandler

AT = 1_764_892_800.25


def test_a_line_is_one_json_object_with_time_and_environment() -> None:
    lines: list[str] = []
    Log("development", "json", lines.append, lambda: AT).event("info", "listening", port=3446)
    assert json.loads(lines[0]) == {
        "time": "2025-12-05T00:00:00.250Z",
        "level": "info",
        "environment": "development",
        "event": "listening",
        "port": 3446,
    }
    assert lines[0].endswith("\n")


def test_text_is_for_people_and_keeps_the_traceback_readable() -> None:
    lines: list[str] = []
    log = Log("development", "text", lines.append, lambda: AT)
    log.failure("call failed", RuntimeError("x"), tool="t")
    first, *rest = lines[0].splitlines()
    assert first == "2025-12-05T00:00:00.250Z development error call failed tool=t"
    assert "RuntimeError: x" in rest


def test_a_line_break_in_a_value_cannot_forge_a_line() -> None:
    lines: list[str] = []
    Log("development", "text", lines.append, lambda: AT).event("info", "request", path="/a\nforged")
    assert len(lines[0].splitlines()) == 1


def test_what_libraries_log_comes_into_the_same_stream() -> None:
    lines: list[str] = []
    handler = LogHandler(Log("development", "json", lines.append, lambda: AT))
    record = logging.LogRecord("mcp.server", logging.ERROR, "x.py", 1, "it %s", ("broke",), None)
    handler.handle(record)
    assert json.loads(lines[0])["event"] == "it broke"
    assert json.loads(lines[0])["logger"] == "mcp.server"
