"""``homeport status --watch`` at a real pseudo-terminal, as somebody leaves it open beside their work."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support.foreign import declare_foreign
from tests.support.running import PROGRAM
from tests.support.waiting import until

# A session of its own, whose terminal is the one on standard input: then Ctrl-C is a signal, as it is for a person.
AT_A_TERMINAL: Final = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
SHOW_CURSOR: Final = b"\x1b[?25h"
UP_A_LINE: Final = b"\x1b[1A"


class Terminal:
    """A pseudo-terminal of 200 columns, and what was printed on it."""

    def __init__(self) -> None:
        self._master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        os.set_blocking(self._master, False)
        self._seen = b""

    def seen(self) -> bytes:
        """All that was printed so far."""
        try:
            while part := os.read(self._master, 65536):
                self._seen += part
        except BlockingIOError:
            pass
        return self._seen

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def forget(self) -> None:
        self.seen()
        self._seen = b""

    def close(self) -> None:
        os.close(self._master)
        os.close(self.slave)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


def homeport(file: Path, *words: str) -> None:
    subprocess.run([*PROGRAM, *words, "--config", str(file)], check=True, capture_output=True)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """The declaration of a server that runs."""
    file = Path(declare_foreign(tmp_path).file)
    homeport(file, "start", "shop")
    yield file
    homeport(file, "stop", "shop")


@contextmanager
def watching(file: Path, terminal: Terminal, kind: str) -> Iterator[subprocess.Popen[bytes]]:
    """``status --watch`` on a terminal of a kind."""
    command = [sys.executable, "-c", AT_A_TERMINAL, *PROGRAM, "status", "--watch", "--every", "0.2"]
    ends = terminal.slave
    # The terminal says how wide it is; a worker of the test run has another width in its environment.
    environ = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}} | {"TERM": kind}
    process = subprocess.Popen([*command, "--config", str(file)], stdin=ends, stdout=ends, stderr=ends, env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_what_is_watched_changes_on_the_terminal_and_ctrl_c_ends_it(file: Path, terminal: Terminal) -> None:
    with watching(file, terminal, "xterm-256color") as process:
        until(lambda: b"healthy" in terminal.seen(), within=60)
        # The table is drawn over itself.
        terminal.forget()
        until(lambda: UP_A_LINE in terminal.seen() and b"healthy" in terminal.seen(), within=60)
        homeport(file, "stop", "shop")
        terminal.forget()
        until(lambda: b"down" in terminal.seen(), within=60)
        terminal.type(b"\x03")
        assert process.wait(60) == 130
        assert SHOW_CURSOR in terminal.seen()
        assert b"Traceback" not in terminal.seen()


def test_a_terminal_that_cannot_be_drawn_on_gets_one_table_after_the_other(file: Path, terminal: Terminal) -> None:
    with watching(file, terminal, "dumb"):
        until(lambda: terminal.seen().count(b"healthy") > 1, within=60)
        assert b"\x1b" not in terminal.seen()
