"""Children in the foreground: their lines, their ends, and how they are ended. Real processes, no sleeps."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from homeport.host.health import HealthAnswer
from homeport.host.supervisor import ChildCommand, ChildEnd, Supervisor, stopped_by_signals
from tests.support.waiting import until

UP = HealthAnswer(healthy=True, reason="", payload={})
DOWN = HealthAnswer(healthy=False, reason="no answer", payload={})

OBEDIENT = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('up', flush=True); "
OBEDIENT += "signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n"
STUBBORN += "while True: signal.pause()"


class Recorder:
    """Remembers everything, and can react to a line."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.ends: list[ChildEnd] = []
        self.answers: dict[str, HealthAnswer] | None = None
        self.on_line: Callable[[str, str], object] = lambda *_: None
        self.on_settled: Callable[[], object] = lambda: None

    def line(self, name: str, text: str) -> None:
        self.lines.append((name, text))
        self.on_line(name, text)

    def ended(self, end: ChildEnd) -> None:
        self.ends.append(end)

    def settled(self, answers: dict[str, HealthAnswer]) -> None:
        self.answers = dict(answers)
        self.on_settled()


def child(name: str, program: str, ask: Callable[[], HealthAnswer] = lambda: UP) -> ChildCommand:
    return ChildCommand(name, [sys.executable, "-c", program], ask)


def stop_when_all_are_up(recorder: Recorder, supervisor: Supervisor, count: int) -> None:
    recorder.on_line = lambda *_: supervisor.stop() if len(recorder.lines) == count else None


def test_two_obedient_children_are_stopped_cleanly() -> None:
    recorder = Recorder()
    supervisor = Supervisor(recorder)
    stop_when_all_are_up(recorder, supervisor, 2)
    ends = supervisor.run([child("a", OBEDIENT), child("b", OBEDIENT)])
    assert {(end.name, end.code, end.asked) for end in ends} == {("a", 0, True), ("b", 0, True)}
    assert sorted(recorder.lines) == [("a", "up"), ("b", "up")]


def test_a_child_that_dies_is_named_with_code_and_last_line_and_the_others_go_on() -> None:
    recorder = Recorder()
    supervisor = Supervisor(recorder)
    up = threading.Event()

    def answer() -> HealthAnswer:
        # The one that lives is asked to stop only after the other's end was seen, and it was up itself.
        if not (recorder.ends and up.is_set()):
            return DOWN
        supervisor.stop()
        return UP

    recorder.on_line = lambda name, _: up.set() if name == "alive" else None
    dying = "print('first'); print('port in use'); raise SystemExit(78)"
    ends = supervisor.run([child("dead", dying), child("alive", OBEDIENT, answer)])
    assert [(end.name, end.code, end.asked) for end in ends] == [("dead", 78, False), ("alive", 0, True)]
    assert str(ends[0]) == "dead ended with exit code 78: port in use"


def test_a_child_that_ignores_sigterm_is_killed_after_the_grace() -> None:
    recorder = Recorder()
    supervisor = Supervisor(recorder, grace=0.05)
    stop_when_all_are_up(recorder, supervisor, 1)
    (end,) = supervisor.run([child("a", STUBBORN)])
    assert end.code == -signal.SIGKILL
    assert str(end) == "a was ended by SIGKILL: up"


def test_a_second_stop_kills_at_once() -> None:
    recorder = Recorder()
    supervisor = Supervisor(recorder, grace=3600)

    def stop_twice(*_: Any) -> None:
        supervisor.stop()
        supervisor.stop()

    recorder.on_line = stop_twice
    (end,) = supervisor.run([child("a", STUBBORN)])
    assert end.code == -signal.SIGKILL


def test_what_a_child_started_itself_does_not_outlive_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "import subprocess, sys, pathlib; "
        "inner = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']); "
        f"pathlib.Path({str(note)!r}).write_text(str(inner.pid))"
    )
    Supervisor(Recorder()).run([child("a", program)])
    pid = int(note.read_text())
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_all_are_settled_once_each_has_answered_or_ended() -> None:
    recorder = Recorder()
    supervisor = Supervisor(recorder)
    recorder.on_settled = supervisor.stop
    supervisor.run([child("a", OBEDIENT), child("b", "raise SystemExit(3)", lambda: DOWN)])
    assert recorder.answers == {"a": UP, "b": DOWN}


def test_a_child_that_never_answers_is_given_up_after_the_limit_and_goes_on() -> None:
    recorder = Recorder()
    supervisor = Supervisor(recorder, start_limit=0.0)
    recorder.on_settled = supervisor.stop
    (end,) = supervisor.run([child("a", "import signal; signal.pause()", lambda: DOWN)])
    assert recorder.answers == {"a": DOWN}
    assert end.asked


def test_a_line_that_is_not_text_is_still_shown() -> None:
    recorder = Recorder()
    Supervisor(recorder).run([child("a", r"import sys; sys.stdout.buffer.write(b'\xff caf\xc3\xa9\r\n')")])
    assert recorder.lines == [("a", "\ufffd café")]


def test_a_command_that_cannot_be_started_ends_those_before_it() -> None:
    recorder = Recorder()
    pids: list[int] = []

    class Remembering(Supervisor):
        def _start(self, command: ChildCommand) -> None:
            super()._start(command)
            pids.append(self._children[command.name].process.pid)

    nowhere = ChildCommand("b", ["/nonexistent/program"], lambda: DOWN)
    with pytest.raises(FileNotFoundError):
        Remembering(recorder, grace=0.05).run([child("a", STUBBORN), nowhere])
    assert len(pids) == 1
    assert not psutil.pid_exists(pids[0])


def test_a_listener_that_fails_ends_the_children_in_order(tmp_path: Path) -> None:
    note = tmp_path / "ended"
    program = (
        "import signal, sys, pathlib\n"
        f"def end(*_): pathlib.Path({str(note)!r}).touch(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True)\n"
        "while True: signal.pause()"
    )

    def fail(*_: Any) -> None:
        raise BrokenPipeError

    recorder = Recorder()
    recorder.on_line = fail
    with pytest.raises(BrokenPipeError):
        Supervisor(recorder).run([child("a", program)])
    assert note.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_children_and_handlers_are_put_back(number: signal.Signals) -> None:
    recorder = Recorder()
    supervisor = Supervisor(recorder)
    before = signal.getsignal(number)
    recorder.on_line = lambda *_: os.kill(os.getpid(), number)
    with stopped_by_signals(supervisor):
        (end,) = supervisor.run([child("a", OBEDIENT)])
    assert (end.code, end.asked) == (0, True)
    assert signal.getsignal(number) == before
