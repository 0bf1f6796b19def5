"""Servers as steps of plans: stopped and started, and put back as they were."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from homeport.environments.plan import Plan
from homeport.environments.services.steps import AwaitHealth, ComeBack, RestartServer, StartServer, StopServer
from homeport.environments.steps import Run, Step, read_step
from homeport.errors import HomeportError, NeedsPersonError
from homeport.host.carrying import Carrier, all_hands
from homeport.host.hands.commands import COMMAND_HANDS
from homeport.host.hands.services import service_hands
from homeport.host.journal import Journal
from homeport.host.services.processes import ProcessManager
from tests.support.foreign import foreign_environment

MANAGER = ProcessManager(PurePosixPath("/"), PurePosixPath("/"), grace=5)
FAIL = Run((sys.executable, "-c", "raise SystemExit(1)"))


class Shop:
    """An environment with a server, and what carries out its plans."""

    def __init__(self, directory: Path) -> None:
        self.environment = foreign_environment(directory)
        hands = all_hands(COMMAND_HANDS, service_hands({"shop": self.environment}, lambda _: MANAGER, lambda _: False))
        self.carrier = Carrier(Journal(Path(self.environment.journal_directory)), hands)

    def carry_out(self, *steps: Step) -> None:
        self.carrier.carry_out(Plan("test", "shop", steps))

    @property
    def pid(self) -> int | None:
        return MANAGER.state(self.environment).pid


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    one = Shop(tmp_path)
    yield one
    MANAGER.stop(one.environment)


@pytest.mark.parametrize("kind", [StopServer, StartServer, RestartServer, ComeBack, AwaitHealth])
def test_steps_of_servers_are_read_back_from_the_journal(kind: type[Step]) -> None:
    step = kind("shop")  # type: ignore[call-arg]
    assert read_step(step.as_json()) == step


def test_a_server_is_started_and_waited_for_and_its_pid_is_kept(shop: Shop) -> None:
    done = shop.carrier.carry_out(Plan("start", "shop", (StartServer("shop"), AwaitHealth("shop"))))
    assert done.results[1] == {"pid": shop.pid, "version": "1"}


def test_a_failed_start_leaves_the_server_stopped(shop: Shop) -> None:
    with pytest.raises(HomeportError):
        shop.carry_out(StartServer("shop"), FAIL)
    assert shop.pid is None


def test_a_server_that_was_stopped_is_started_again_when_a_later_step_fails(shop: Shop) -> None:
    shop.carry_out(StartServer("shop"), AwaitHealth("shop"))
    with pytest.raises(HomeportError):
        shop.carry_out(StopServer("shop"), FAIL)
    assert shop.pid is not None


def test_one_that_did_not_run_stays_stopped_when_a_later_step_fails(shop: Shop) -> None:
    with pytest.raises(HomeportError):
        shop.carry_out(StopServer("shop"), FAIL)
    assert shop.pid is None


def test_after_a_failed_restart_the_server_is_back_and_well(shop: Shop) -> None:
    shop.carry_out(StartServer("shop"), AwaitHealth("shop"))
    before = shop.pid
    with pytest.raises(HomeportError):
        shop.carry_out(ComeBack("shop"), RestartServer("shop"), AwaitHealth("shop"), FAIL)
    assert shop.pid not in (None, before)


def test_a_server_of_an_environment_that_is_declared_no_more_needs_a_person(tmp_path: Path) -> None:
    carrier = Carrier(Journal(tmp_path), service_hands({}, lambda _: MANAGER, lambda _: False))
    with pytest.raises(NeedsPersonError, match="declared no more"):
        carrier.carry_out(Plan("stop", "gone", (StopServer("gone"),)))
