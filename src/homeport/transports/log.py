"""The server's log on standard error: one line for each request, in JSON or as text. Never bodies, never secrets."""

from __future__ import annotations

import asyncio
import logging
import os
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import orjson

from homeport.contract import LogFormat
from homeport.coordination.tokens import hidden
from homeport.transports.exchange import Exchange

_FLUSH_SECONDS: Final = 0.05


def _to_stderr(text: str) -> None:
    # Past Python's own buffer, which keeps what could not be written and fails with it when the process ends.
    rest = memoryview(text.encode(errors="backslashreplace"))
    # A log that is full, or that nobody reads any more, must not end the server that writes it.
    with suppress(OSError):
        while rest:
            rest = rest[os.write(2, rest) :]


class Log:
    """Writes lines; those of requests are written together, a twentieth of a second later at most.

    Args:
        environment: stands in every line.
        log_format: ``json``, or ``text`` for people.
        write: takes finished lines.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        environment: str,
        log_format: LogFormat = "json",
        write: Callable[[str], None] = _to_stderr,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._environment = environment
        self._json = log_format == "json"
        self._write = write
        self._clock = clock
        self._lines: list[str] = []
        self._second = -1
        self._stamp = ""

    def request(self, exchange: Exchange, seconds: float) -> None:
        """A request was answered."""
        facts: dict[str, object] = {
            "request_id": exchange.request_id,
            "method": exchange.method,
            "path": exchange.path,
            "status": exchange.status,
            "ms": round(seconds * 1000, 2),
            "client": exchange.client,
        }
        if exchange.caller.id:
            facts["caller"] = exchange.caller.name
        if exchange.tool is not None:
            facts["tool"] = exchange.tool
        if exchange.error is not None:
            facts["error"] = exchange.error
        self._lines.append(self._line("info", "request", facts))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def event(self, level: str, text: str, **facts: object) -> None:
        """Something else happened; written at once."""
        self._lines.append(self._line(level, text, facts))
        self.flush()

    def failure(self, text: str, error: BaseException, **facts: object) -> None:
        """Something went wrong that should not have; with its traceback."""
        self.event("error", text, **facts, traceback="".join(traceback.format_exception(error)))

    def flush(self) -> None:
        """Writes what waits."""
        if self._lines:
            # Whatever has the form of a token is taken out last, so that no way into the log leads around it.
            text = hidden("".join(self._lines))
            self._lines.clear()
            self._write(text)

    def _line(self, level: str, text: str, facts: dict[str, object]) -> str:
        now = self._clock()
        second = int(now)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        at = f"{self._stamp}.{int((now - second) * 1000):03d}Z"
        if self._json:
            line = {"time": at, "level": level, "environment": self._environment, "event": text, **facts}
            return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE, default=str).decode()
        trace = facts.pop("traceback", "")
        shown = " ".join(f"{name}={_on_one_line(value)}" for name, value in facts.items())
        return f"{at} {self._environment} {level} {_on_one_line(text)} {shown}".rstrip() + f"\n{trace}"


def _on_one_line(value: object) -> str:
    """A value from outside must not be able to end its line and begin another."""
    text = str(value)
    return text if text.isprintable() else repr(text)


class LogHandler(logging.Handler):
    """Brings what libraries log into the same stream."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, object] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            facts["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        self._log.event(record.levelname.lower(), record.getMessage(), **facts)
