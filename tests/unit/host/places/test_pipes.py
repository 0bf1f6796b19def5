"""Programs at the other end of pipes, which may be slow, silent, or gone."""

from __future__ import annotations

import sys

import pytest

from homeport.host.places.pipes import EndedError, Pipes, SilentError
from homeport.host.places.sftp_protocol import ProtocolError, Sftp

ECHO = """
import sys
while chunk := sys.stdin.buffer.read1(100_000):
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
"""
MUTE = "import os, sys; os.close(1); sys.stdin.buffer.read()"
DEAF = "import threading; threading.Event().wait()"


def program(source: str, silence: float = 20.0) -> Pipes:
    return Pipes([sys.executable, "-c", source], silence)


def test_more_than_a_pipe_holds_goes_both_ways() -> None:
    content = bytes(range(256)) * 8_000
    with program(ECHO) as pipes:
        pipes.send(content)
        assert pipes.receive(len(content)) == content


def test_a_program_that_reads_nothing_is_left() -> None:
    with program(DEAF, silence=0.2) as pipes:
        with pytest.raises(SilentError):
            pipes.send(bytes(1 << 20))
        with pytest.raises(SilentError):
            pipes.receive(1)


def test_the_end_of_a_program_is_seen_with_what_it_said() -> None:
    with program("import sys; sys.exit('first\\nsecond \\x1b[31m\\n')") as pipes:
        with pytest.raises(EndedError):
            pipes.receive(1)
        assert pipes.told() == "first second [31m"


def test_a_closed_output_is_an_end() -> None:
    with program(MUTE) as pipes, pytest.raises(EndedError):
        pipes.receive(1)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\0",
        b"\0\0\0\x05\x65\0\0\0\0",
        b"\0\0\0\x0a\x02\0\0\0\x03\0\0\0\xff\0",
        b"\xff\xff\xff\xff\x02",
    ],
)
def test_what_does_not_speak_the_protocol_is_told(answer: bytes) -> None:
    with (
        program(f"import sys; sys.stdout.buffer.write({answer!r}); sys.stdout.flush(); sys.stdin.read()") as pipes,
        pytest.raises(ProtocolError),
    ):
        Sftp(pipes)
