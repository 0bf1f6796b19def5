"""Plain processes as servers: real ones, found by what proves them, and never a stranger's."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from homeport.environments.environment import Environment
from homeport.environments.services.state import ServiceState
from homeport.errors import CannotStartError, HomeportError
from homeport.host.services.awaiting import await_health
from homeport.host.services.keeper import last_words
from homeport.host.services.pid_file import Started, birth_of, read_started, write_started
from homeport.host.services.processes import LOG_LIMIT, ProcessManager
from tests.support.foreign import foreign_environment
from tests.support.waiting import until


def manager(grace: float = 10.0) -> ProcessManager:
    return ProcessManager(PurePosixPath("/nowhere/homeport.toml"), PurePosixPath(sys.executable), grace=grace)


@contextmanager
def ended(environment: Environment) -> Iterator[ProcessManager]:
    """A manager whose server does not outlive the test."""
    one = manager()
    try:
        yield one
    finally:
        ProcessManager(PurePosixPath("/"), PurePosixPath("/"), grace=0.2).stop(environment)


def healthy(one: ProcessManager, environment: Environment) -> ServiceState:
    await_health(one, environment, 20)
    return one.state(environment)


@contextmanager
def stranger(port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that somebody started by hand and that listens on a port."""
    program = (
        f"import socket, signal; s = socket.create_server(('127.0.0.1', {port})); print(flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_a_server_runs_until_it_is_stopped(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    with ended(environment) as one:
        assert not one.state(environment).running
        one.start(environment)
        state = healthy(one, environment)
        assert state.running
        assert state.pid is not None
        assert state.pid in {holder.pid for holder in state.listening[0].holders}
        assert state.unmanaged is None
        assert state.note == ""
        one.stop(environment)
        stopped = one.state(environment)
        assert not stopped.running
        assert birth_of(state.pid) is None
        assert stopped.last_end is not None
        assert stopped.last_end.asked
        assert stopped.last_end.is_clean
        assert not Path(environment.pid_file).exists()


def test_starting_and_stopping_twice_changes_nothing(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    with ended(environment) as one:
        one.start(environment)
        first = healthy(one, environment)
        one.start(environment)
        assert one.state(environment).pids == first.pids
        one.stop(environment)
        one.stop(environment)
        assert not one.state(environment).running


def test_a_restart_is_another_process(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    with ended(environment) as one:
        one.start(environment)
        first = healthy(one, environment)
        one.restart(environment)
        assert healthy(one, environment).pid != first.pid


def test_a_server_that_was_killed_is_told_with_its_signal_and_last_line(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    with ended(environment) as one:
        one.start(environment)
        pid = healthy(one, environment).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: not one.state(environment).running)
        state = one.state(environment)
        assert state.last_end is not None
        assert state.last_end.signal == "SIGKILL"
        assert not state.last_end.is_clean
        assert "GET /health" in state.last_end.line
        one.start(environment)
        assert healthy(one, environment).pid != pid


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("crash", HomeportError, "ended with exit code 1: no table called agents"),
        ("refuse", CannotStartError, "ended with exit code 78: the data are another's"),
    ],
)
def test_a_server_that_ends_at_its_start_is_told_with_its_last_line(
    fault: str, kind: type[HomeportError], said: str, tmp_path: Path
) -> None:
    environment = foreign_environment(tmp_path, fault)
    with ended(environment) as one:
        one.start(environment)
        with pytest.raises(kind) as error:
            await_health(one, environment, 20)
        assert type(error.value) is kind
        assert said in error.value.sentence


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    environment = replace(environment, service=replace(environment.service, command=("/no/such/program",)))
    with ended(environment) as one:
        one.start(environment)
        with pytest.raises(HomeportError, match="exit code 127: /no/such/program cannot be run: No such file"):
            await_health(one, environment, 20)


def test_a_missing_working_directory_is_told(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path, more="working_directory = 'gone'")
    with ended(environment) as one, pytest.raises(HomeportError, match=r"gone: No such file or directory"):
        one.start(environment)


def test_one_that_is_ill_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path, "ill")
    with ended(environment) as one:
        one.start(environment)
        with pytest.raises(HomeportError, match=r"not healthy within 1 seconds: (status 503|no answer)"):
            await_health(one, environment, 1)


def test_one_that_does_not_listen_to_sigterm_is_killed(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path, "deaf")
    with ended(environment) as one:
        one.start(environment)
        pid = healthy(one, environment).pid
        manager(grace=0.3).stop(environment)
        assert pid is not None
        assert birth_of(pid) is None


def test_what_a_server_started_itself_ends_with_it(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path, "child")
    with ended(environment) as one:
        one.start(environment)
        pids = healthy(one, environment).pids
        assert len(pids) == 2
        one.stop(environment)
        assert [birth_of(pid) for pid in pids] == [None, None]


def test_the_remains_of_a_server_that_was_killed_are_told_and_make_way_for_the_next(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path, "child")
    with ended(environment) as one:
        one.start(environment)
        server, child = healthy(one, environment).pids
        os.kill(server, signal.SIGKILL)
        until(lambda: not one.state(environment).running)
        state = one.state(environment)
        assert f"process {child}, which it had started, goes on" in state.note
        one.start(environment)
        assert healthy(one, environment).pid not in (server, child)
        assert birth_of(child) is None


def test_a_server_whose_keeper_was_killed_still_is_the_server_and_can_be_stopped(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    with ended(environment) as one:
        one.start(environment)
        pid = healthy(one, environment).pid
        started = read_started(Path(environment.pid_file))
        assert started is not None
        os.kill(started.pid, signal.SIGKILL)
        until(lambda: not started.keeper_runs)
        state = one.state(environment)
        assert state.running
        assert state.pid == pid
        assert "kept it" in state.note
        one.stop(environment)
        assert pid is not None
        # Its parent is gone, and the machine's first process may take a moment to bury it.
        until(lambda: birth_of(pid) is None)


def test_a_recycled_pid_is_left_alone(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    with stranger(environment.http_port) as process:
        write_started(Path(environment.pid_file), Started("shop", process.pid, "another boot:1", "mark", "2026-01-01"))
        state = manager().state(environment)
        assert not state.running
        assert f"{process.pid} is another process by now" in state.note
        assert state.unmanaged is not None
        assert state.unmanaged.pid == process.pid
        manager().stop(environment)
        assert process.poll() is None


def test_the_pid_file_of_a_process_that_is_gone_is_stale(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_started(Path(environment.pid_file), Started("shop", gone.pid, "x:1", "mark", "2026-01-01T00:00:00+00:00"))
    with ended(environment) as one:
        assert "is gone, and nobody saw how it ended" in one.state(environment).note
        one.start(environment)
        assert healthy(one, environment).note == ""


@pytest.mark.parametrize("text", ["", "12345\n", "{}", "[1]", '{"pid": 1}', "\x00\xff", "[" * 10000])
def test_a_pid_file_that_somebody_else_wrote_is_never_acted_upon(text: str, tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    with stranger(environment.http_port) as process:
        Path(environment.pid_file).write_text(text.replace("12345", str(process.pid)))
        state = manager().state(environment)
        assert not state.running
        assert "not a pid file that Homeport wrote" in state.note
        manager().stop(environment)
        assert process.poll() is None
        with pytest.raises(CannotStartError):
            manager().start(environment)


def test_the_pid_file_of_another_environment_is_not_believed(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    with stranger(environment.http_port) as process:
        birth = birth_of(process.pid)
        assert birth is not None
        write_started(Path(environment.pid_file), Started("other", process.pid, birth, "mark", "2026-01-01"))
        assert "is of other, not of shop" in manager().state(environment).note
        manager().stop(environment)
        assert process.poll() is None


def test_a_server_started_by_hand_is_named_and_never_stopped(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    with stranger(environment.http_port) as process:
        state = manager().state(environment)
        assert not state.running
        assert state.unmanaged is not None
        assert state.unmanaged.pid == process.pid
        with pytest.raises(CannotStartError, match=rf"held by process {process.pid} .*of no systemd unit"):
            manager().start(environment)
        manager().stop(environment)
        assert process.poll() is None
        assert not Path(environment.pid_file).exists()


def test_another_process_that_answers_is_not_taken_for_the_server(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    other = foreign_environment(tmp_path, port=environment.http_port)
    other = replace(other, directory=other.directory / "other")
    for path in (other.directory, other.logs_directory):
        Path(path).mkdir(parents=True)
    with ended(other) as one:
        one.start(other)
        healthy(one, other)
        with pytest.raises(HomeportError, match="is not running"):
            await_health(manager(), environment, 20)


def test_the_log_is_read_from_its_end_and_over_its_turn(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    log = Path(environment.log_file)
    log.with_name("server.log.1").write_text("one\ntwo\n")
    log.write_text("three\nfour\n")
    assert list(manager().logs(environment, 1)) == ["four"]
    assert list(manager().logs(environment, 3)) == ["two", "three", "four"]
    assert list(manager().logs(environment, 99)) == ["one", "two", "three", "four"]


def test_a_log_is_followed_over_its_turn(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    log = Path(environment.log_file)
    log.write_text("old\n")

    turns = iter(["a\nb", "\n", None, "d\n"])

    def write_on(_: float) -> None:
        text = next(turns)
        if text is None:
            with log.open("a") as stream:
                stream.write("c\n")
            log.rename(log.with_name("server.log.1"))
            log.write_text("")
        else:
            with log.open("a") as stream:
                stream.write(text)

    one = ProcessManager(PurePosixPath("/"), PurePosixPath("/"), pause=write_on)
    lines = one.logs(environment, 1, follow=True)
    assert [next(lines) for _ in range(5)] == ["old", "a", "b", "c", "d"]


def test_a_starter_that_is_killed_before_it_wrote_who_the_server_is_leaves_none(tmp_path: Path) -> None:
    from homeport.host.services import keeper

    ran, log, end = (str(tmp_path / name) for name in ("ran", "log", "end"))
    order = {"command": ["touch", ran], "log": log, "end": end, "limit": LOG_LIMIT, "kept": 1, "mark": "mark"}
    with subprocess.Popen(
        [sys.executable, "-I", "-S", str(keeper.__file__), json.dumps(order)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert birth_of(pid) is not None
    until(lambda: birth_of(pid) is None)
    assert not (tmp_path / "ran").exists()


def test_a_full_log_gets_a_number_and_the_oldest_goes(tmp_path: Path) -> None:
    from homeport.host.services.keeper import Log

    log = Log(tmp_path / "server.log", limit=10, kept=2)
    for word in ("first", "second", "third", "fourth"):
        log.write(f"{word} line\n".encode())
    log.close()
    assert (tmp_path / "server.log").read_text() == ""
    assert (tmp_path / "server.log.1").read_text() == "fourth line\n"
    assert (tmp_path / "server.log.2").read_text() == "third line\n"
    assert len(list(tmp_path.iterdir())) == 3
    assert log.last_line == "fourth line"


def test_a_socket_held_by_this_process_is_no_server_of_the_environment(tmp_path: Path) -> None:
    environment = foreign_environment(tmp_path)
    with socket.create_server(("127.0.0.1", environment.http_port)):
        unmanaged = manager().state(environment).unmanaged
    assert unmanaged is not None
    assert unmanaged.pid == os.getpid()


NODE_CRASH = """node:internal/modules/cjs/loader:1228
  throw err;
  ^

Error: Cannot find module 'express'
Require stack:
- /srv/a.js
    at Module._load (node:internal/modules/cjs/loader:1055:27) {
  code: 'MODULE_NOT_FOUND'
}

Node.js v22.11.0
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one\ntwo\n", "two"),
        (
            "homeport: it is another's.\n  Declare another directory.\n",
            "homeport: it is another's. Declare another directory.",
        ),
        ("Traceback:\n  File x\nValueError: no\n\n", "ValueError: no"),
        ("  only this", "only this"),
        ("\n \n", ""),
        (NODE_CRASH, "Error: Cannot find module 'express'"),
        ("SyntaxError: Unexpected token\n    at x\n\nNode.js v22.11.0\n", "SyntaxError: Unexpected token"),
        ("Error: of yesterday\nlistening\n", "listening"),
    ],
)
def test_the_last_line_has_with_it_what_it_goes_on_from(text: str, said: str) -> None:
    assert last_words(text) == said
