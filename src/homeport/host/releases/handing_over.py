"""Carries out :class:`HandOver`: from one release to the next in the two slots of the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from homeport.environments.environment import Environment
from homeport.environments.machine.units import SLOTS
from homeport.environments.releases.steps import DemandNothingLost, HandOver, PutDataBack
from homeport.environments.services.steps import StopServer
from homeport.environments.steps import Step
from homeport.files import sync_directory
from homeport.host.health import ask_environment
from homeport.host.releases.aside import drop, exchange_databases, is_whole, keep_aside, put_back, was_migrated
from homeport.host.releases.migrating import migrate_live
from homeport.host.releases.rehearsing import facts_of
from homeport.host.replication.holding import replication_held
from homeport.host.services.hold import Hold
from homeport.host.services.service import ServiceManager
from homeport.host.services.slots import SlotRunner, Slots, release_at


class HandOverer:
    """:class:`HandOver`.

    Args:
        environment: whose server.
        program: from a release's id to what runs its ``homeport``.
        serving: the same of the one that serves.
        manager: answers who runs it.
    """

    def __init__(
        self,
        environment: Environment,
        program: Callable[[str], Sequence[str]],
        serving: Callable[[], Sequence[str]],
        manager: Callable[[], ServiceManager],
    ) -> None:
        self._environment = environment
        self._program = program
        self._serving = serving
        self._manager = manager

    @cached_property
    def _runner(self) -> SlotRunner:
        # One for all steps of an operation: as long as it is there, whoever connects waits, also where none runs.
        return self._manager().slots(self._environment)

    @property
    def _slots(self) -> Slots:
        return Slots(self._environment, self._runner)

    def inverse(self, step: HandOver) -> tuple[Step, ...]:
        if step.back:
            return ()
        # A copy that an earlier deploy left is none of this one's.
        drop(Path(step.aside))
        name = step.environment
        lost = DemandNothingLost(name, step.release, step.aside, step.position)
        serving = self._slots.serving()
        before = self._slots.target(serving) if serving is not None else None
        if before is None:
            return (lost, StopServer(name), PutDataBack(name, step.aside), *self._runner.back_to())
        well = ask_environment(self._environment).healthy
        return (
            lost,
            HandOver(name, release_at(before), before, step.aside, step.seconds, back=True, demand_health=well),
        )

    def apply(self, step: HandOver) -> Mapping[str, Any] | None:
        if step.back:
            self._give_back(step)
            return None
        if step.data is not None:
            return {"migrations": [], "held_seconds": self._exchange_data(step, Path(step.data))}
        program = self._program(step.release)
        pending: list[str] = []
        together = True
        if Path(self._environment.identity_file).exists():
            facts = facts_of(program, Path(self._environment.data_directory))
            pending, together = facts["pending_migrations"], facts.get("previous_release_can_run", False)
        if not pending or together:
            took = migrate_live(self._environment, program, beside=True)["migrating_seconds"] if pending else 0.0
            self._slots.hand_over(step.target, step.release, step.seconds)
            return {"migrations": pending, "held_seconds": 0.0, "writes_waited_seconds": took}
        serving = self._serving()

        def change(hold: Hold) -> None:
            keep_aside(self._environment, serving, Path(step.aside))
            # Should this process die now, the release goes on with the migration, and the copy is there.
            hold.allow(step.release)
            migrate_live(self._environment, program, beside=False)

        seconds = self._slots.exchange(step.target, step.release, step.seconds, change)
        return {"migrations": pending, "held_seconds": round(seconds, 3)}

    def _exchange_data(self, step: HandOver, data: Path) -> float:
        """Has other data take the place of those that are there, which are kept aside."""

        def change(hold: Hold) -> None:
            live, aside = Path(self._environment.data_directory), Path(step.aside)
            with replication_held(self._environment):
                live.rename(aside)
                data.rename(live)
            sync_directory(live.parent)
            # After the directories: by what lies aside a run that is killed here is known, and taken back.
            exchange_databases(self._environment, self._serving(), live, aside, lies=aside)
            hold.allow(step.release)

        return round(self._slots.exchange(step.target, step.release, step.seconds, change, anew=True), 3)

    def _give_back(self, step: HandOver) -> None:
        aside = Path(step.aside)
        if is_whole(aside) and not Path(self._environment.data_directory).exists():
            # A run was killed between two renames; what was started meanwhile has the other directory in its sandbox.
            self._runner.stop(SLOTS)
            put_back(self._environment, self._serving(), aside)
        if not was_migrated(self._environment, self._serving(), aside):
            # Whoever served meanwhile served these data, and may have stored something.
            drop(aside)
            self._slots.hand_over(step.target, step.release, step.seconds, demand_health=step.demand_health)
            return

        def change(hold: Hold) -> None:
            put_back(self._environment, self._serving(), aside)
            hold.allow(step.release)

        self._slots.exchange(
            step.target, step.release, step.seconds, change, anew=True, demand_health=step.demand_health
        )
