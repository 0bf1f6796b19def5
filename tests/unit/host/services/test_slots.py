"""Slots: who serves next is asked how it is, also where it runs already."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path, PurePosixPath
from socketserver import ThreadingUnixStreamServer
from typing import Final

import pytest

from homeport.environments.declaration import parse_declaration
from homeport.environments.environment import Environment
from homeport.environments.machine.units import SLOTS
from homeport.environments.services.state import ServiceEnd
from homeport.environments.steps import Step
from homeport.errors import HomeportError
from homeport.host.services.slots import Slot, SlotRunner, Slots

BLUE, GREEN = SLOTS
RELEASES: Final = PurePosixPath("/srv/production/releases")
OLD, NEW = "20261002T061500Z-aaaaaaa", "20261003T061500Z-bbbbbbb"


@dataclass
class Berth:
    """What runs in a slot."""

    target: PurePosixPath
    runs: bool = False
    began: int = 0


@dataclass
class InProcess(SlotRunner):
    """Slots whose servers are threads that answer on the probe's socket, and say so at once."""

    directory: Path
    ill: set[str] = field(default_factory=set)
    """Releases that are."""
    ended: list[str] = field(default_factory=list)
    first: str | None = None

    def __post_init__(self) -> None:
        self._berths = {slot: Berth(RELEASES / OLD) for slot in SLOTS}
        self._servers: dict[str, ExitStack] = {}
        self._count = 0

    def look(self) -> Mapping[str, Slot]:
        return {
            slot: Slot(name=slot, active=berth.runs, coming=False, began=berth.began)
            for slot, berth in self._berths.items()
        }

    def target(self, slot: str) -> PurePosixPath:
        return self._berths[slot].target

    def point(self, slots: Iterable[str], target: PurePosixPath) -> None:
        for slot in slots:
            assert not self._berths[slot].runs, "what a slot runs is changed only while it does not run"
            self._berths[slot].target = target

    def begin(self, slot: str) -> None:
        self._count += 1
        berth = replace(self._berths[slot], runs=True, began=self._count)
        self._berths[slot] = berth
        self._servers[slot] = stack = ExitStack()
        server = stack.enter_context(ThreadingUnixStreamServer(str(self.probe(slot)), self._answering(berth)))
        stack.callback(self.probe(slot).unlink)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        stack.callback(server.shutdown)

    def begin_again(self, slot: str) -> None:
        self.stop([slot])
        self.begin(slot)

    def stop(self, slots: Iterable[str]) -> None:
        for slot in slots:
            if self._berths[slot].runs:
                self._berths[slot].runs = False
                self._servers.pop(slot).close()
                self.ended.append(slot)

    def stand_ready(self, slot: str | None) -> None:
        del slot

    def probe(self, slot: str) -> Path:
        return self.directory / slot

    def end_of(self, slot: str) -> ServiceEnd | None:
        del slot
        return None

    def back_to(self) -> tuple[Step, ...]:
        return ()

    def _answering(self, berth: Berth) -> type[BaseHTTPRequestHandler]:
        release, ill = berth.target.name, self.ill

        class Answering(BaseHTTPRequestHandler):
            def address_string(self) -> str:
                return "nobody"

            def do_GET(self) -> None:
                is_ill = release in ill
                status = "unhealthy" if is_ill else "healthy"
                said = {"environment": "production", "release": release, "status": status, "reasons": ["it is ill"]}
                self.send_response(503 if is_ill else 200)
                self.end_headers()
                self.wfile.write(json.dumps(said).encode())

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        return Answering


class Quay:
    """An environment, its slots, and a clock that goes on while somebody waits."""

    def __init__(self, directory: Path) -> None:
        self.now = 0.0
        declared = parse_declaration("[environments.production]\n", PurePosixPath(directory / "homeport.toml"))
        self.environment: Environment = declared.environment("production")
        self.runner = InProcess(directory)
        self.slots = Slots(self.environment, self.runner, pause=self._wait, clock=lambda: self.now)

    def _wait(self, seconds: float) -> None:
        self.now += seconds

    def serve(self, release: str, *, demand_health: bool = True) -> None:
        self.slots.hand_over(RELEASES / release, release, 1, demand_health=demand_health)

    @property
    def running(self) -> list[str]:
        """The releases that run, the one that has the ports first."""
        seen = sorted((one.began, name) for name, one in self.runner.look().items() if one.active)
        return [self.runner.target(name).name for _, name in seen]


@pytest.fixture
def quay(tmp_path: Path) -> Iterator[Quay]:
    one = Quay(tmp_path)
    yield one
    one.runner.stop(SLOTS)


def test_the_next_one_serves_and_the_one_before_ends(quay: Quay) -> None:
    quay.serve(OLD)
    quay.serve(NEW)
    assert quay.running == [NEW]
    assert {quay.runner.target(slot).name for slot in SLOTS} == {NEW}


def test_each_try_to_go_back_to_one_that_is_ill_fails_and_what_serves_goes_on(quay: Quay) -> None:
    """The second one finds it running, which says nothing about its health."""
    quay.serve(NEW)
    quay.runner.ill.add(OLD)
    for _ in range(3):
        with pytest.raises(HomeportError, match="was not healthy within 1 seconds: it is ill"):
            quay.serve(OLD)
        assert quay.running == [NEW, OLD]
    quay.runner.ill.clear()
    quay.serve(OLD)
    assert quay.running == [OLD]


def test_where_what_serves_is_to_go_on_the_other_one_ends_and_it_is_asked_how_it_is(quay: Quay) -> None:
    quay.serve(OLD)
    quay.runner.ill.add(NEW)
    with pytest.raises(HomeportError):
        quay.serve(NEW)
    quay.runner.ill.add(OLD)
    with pytest.raises(HomeportError, match="it is ill"):
        quay.serve(OLD)
    assert quay.running == [OLD]
    assert {quay.runner.target(slot).name for slot in SLOTS} == {OLD}


def test_one_that_was_ill_before_serves_again_though_it_is_ill(quay: Quay) -> None:
    quay.runner.ill |= {OLD, NEW}
    quay.serve(OLD, demand_health=False)
    with pytest.raises(HomeportError):
        quay.serve(NEW)
    quay.serve(OLD, demand_health=False)
    assert quay.running == [OLD]
