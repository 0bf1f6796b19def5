"""Two servers of one environment at once, for the seconds in which one hands over to the next."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO

import httpx2
import pytest

from homeport.contract import HOLD_FILE, ExitCode, hold_text
from homeport.datalock import DataLock, find_holder
from homeport.errors import CannotStartError
from tests.support.manager import ServiceManager, over, service_manager
from tests.support.process import call_body
from tests.support.traffic import CLIENTS, Traffic
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    """The sockets of the environment ``development``."""
    with service_manager(tmp_path) as one:
        yield one


def slot(manager: ServiceManager, name: str) -> list[str]:
    return ["--standby", "--also-socket", str(manager.directory / f"{name}.sock"), "--release", name]


def release(manager: ServiceManager) -> str:
    """Which one accepts now."""
    return str(manager.get("/health").json()["release"])


def call(manager: ServiceManager, name: str, **arguments: object) -> dict[str, object]:
    answer = httpx2.post(f"{manager.url}/mcp", json=call_body(name, arguments), timeout=60).json()
    assert "result" in answer, answer
    return dict(answer["result"]["data"])


def test_the_next_stands_by_ready_and_accepts_when_the_one_before_stops(manager: ServiceManager) -> None:
    with manager.running(*slot(manager, "blue")) as blue:
        assert release(manager) == "blue"
        with (
            manager.running(*slot(manager, "green"), slot="green") as green,
            over(manager.directory / "green.sock") as private,
        ):
            assert private.get("/health").json()["standby"] is True
            assert {release(manager) for _ in range(10)} == {"blue"}
            assert any(line.startswith("STATUS=Standing by development") for line in green.listen())
            assert blue.stop() == ExitCode.DONE
            assert release(manager) == "green"
            assert private.get("/health").json()["standby"] is False
            assert any(line.startswith("STATUS=Serving development") for line in green.listen())
            holder = find_holder(manager.data)
            assert holder is not None
            assert holder.pid == green.process.pid
            assert green.stop() == ExitCode.DONE
    assert find_holder(manager.data) is None


def test_it_takes_over_from_one_that_is_killed(manager: ServiceManager) -> None:
    with (
        manager.running(*slot(manager, "blue")) as blue,
        manager.running(*slot(manager, "green"), slot="green"),
    ):
        call(manager, "register_instance", instanceId="ada", role="dev")
        blue.process.send_signal(signal.SIGKILL)
        assert release(manager) == "green"
        assert call(manager, "get_instance", instanceId="ada")


def test_a_third_one_and_one_that_wants_the_data_alone_are_refused(manager: ServiceManager) -> None:
    with manager.running(*slot(manager, "blue")), manager.running(*slot(manager, "green"), slot="green"):
        with manager.started(*slot(manager, "red"), slot="red") as third:
            assert third.process.wait(30) == ExitCode.CANNOT_START
            assert "another one stands by" in third.log.read_text()
        with manager.started(slot="alone") as alone:
            assert alone.process.wait(30) == ExitCode.CANNOT_START
            assert "is in use by process" in alone.log.read_text()
        with pytest.raises(CannotStartError):
            DataLock.take(manager.data)


def test_one_that_has_the_data_alone_has_no_successor(manager: ServiceManager) -> None:
    with manager.running(), manager.started(*slot(manager, "green"), slot="green") as second:
        assert second.process.wait(40) == ExitCode.CANNOT_START
        assert "is in use by process" in second.log.read_text()


@pytest.mark.parametrize("arguments", [["--standby"], ["--standby", "--socket", "a.sock"]])
def test_standing_by_needs_sockets_that_are_handed_over(manager: ServiceManager, arguments: list[str]) -> None:
    with manager.started(*arguments, hand=[]) as service:
        assert service.process.wait(30) == ExitCode.USAGE


class Receiver(BaseHTTPRequestHandler):
    """Takes calls of a webhook; the number of the event ends its id."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.heard.append(int(self.headers["webhook-id"].rpartition("-")[2]))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def receiver() -> Iterator[ThreadingHTTPServer]:
    """Hears what a webhook is told; ``heard`` are the numbers of the events."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.heard = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_under_load_nothing_is_lost_or_done_twice_and_each_event_is_told_once(
    manager: ServiceManager, receiver: ThreadingHTTPServer
) -> None:
    heard: list[int] = receiver.heard  # type: ignore[attr-defined]
    with ExitStack() as slots:
        previous = slots.enter_context(manager.running(*slot(manager, "blue")))
        for name in ("bob", *(f"agent-{number}" for number in range(CLIENTS))):
            await asyncio.to_thread(call, manager, "register_instance", instanceId=name, role="dev")
        url = f"http://127.0.0.1:{receiver.server_port}/"
        made = await asyncio.to_thread(httpx2.post, f"{manager.url}/api/v1/webhooks", json={"url": url})
        assert made.status_code < 300, made.text
        traffic = Traffic([int(manager.url.rpartition(":")[2])])
        for name in ("green", "blue"):
            context = manager.running(*slot(manager, name), slot=name)
            successor = await asyncio.to_thread(slots.enter_context, context)
            assert await asyncio.to_thread(previous.stop) == ExitCode.DONE
            previous = successor
            await traffic.goes_on()
        await traffic.end()
        assert set(traffic.sent.values()) == {1}
        assert traffic.received == traffic.sent
        last = (await asyncio.to_thread(call, manager, "get_server_status"))["position"]
        # A call that once failed for the load is repeated after a while.
        until(lambda: heard and heard[-1] == last, within=150)
        assert Counter(heard).most_common(1)[0][1] == 1
        assert heard == sorted(heard)
        assert await asyncio.to_thread(previous.stop) == ExitCode.DONE


@pytest.fixture
def hold(manager: ServiceManager) -> Iterator[IO[str]]:
    """The data are held, for the release ``old``."""
    with (manager.data / HOLD_FILE).open("w+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(hold_text("old"))
        file.flush()
        yield file


def test_a_slot_opens_data_that_are_held_only_when_they_are_free(manager: ServiceManager, hold: IO[str]) -> None:
    with manager.started(*slot(manager, "blue")) as blue:
        until(lambda: any(line.startswith("EXTEND_TIMEOUT_USEC=") for line in blue.listen()), within=40)
        assert not blue.is_ready()
        assert find_holder(manager.data) is None
        hold.truncate(0)
        fcntl.flock(hold, fcntl.LOCK_UN)
        until(blue.is_ready, within=40)
        assert release(manager) == "blue"
        assert blue.stop() == ExitCode.DONE


def test_where_a_change_was_broken_off_only_the_release_that_the_data_are_for_starts(
    manager: ServiceManager, hold: IO[str]
) -> None:
    with manager.started(*slot(manager, "new"), slot="new") as new:
        until(lambda: any(line.startswith("STATUS=Waiting") for line in new.listen()), within=40)
        fcntl.flock(hold, fcntl.LOCK_UN)
        assert new.process.wait(30) == ExitCode.CANNOT_START
        assert "the data are not for new" in new.log.read_text()
    with manager.running(*slot(manager, "old"), slot="old") as old:
        assert release(manager) == "old"
        assert old.stop() == ExitCode.DONE
