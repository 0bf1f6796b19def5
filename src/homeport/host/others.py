"""Looks for servers of other machines before data are changed that these have open too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from homeport.contract.servers import ServerSeen
from homeport.environments.environment import Environment
from homeport.environments.others import DemandOthers, demand_living, demand_none
from homeport.environments.steps import Step
from homeport.host.hands import Hands
from homeport.host.releases.rehearsing import facts_of

Others = Callable[[], Sequence[ServerSeen]]
"""Those of other machines that have the environment's data open now."""


class OthersDemander:
    """:class:`DemandOthers`.

    Args:
        environment: whose data.
        others: asks who is there.
        program: from a release's id to what runs its ``homeport``.
    """

    def __init__(self, environment: Environment, others: Others, program: Callable[[str], Sequence[str]]) -> None:
        self._environment = environment
        self._others = others
        self._program = program

    def inverse(self, step: DemandOthers) -> tuple[Step, ...]:
        return ()

    def apply(self, step: DemandOthers) -> None:
        name, others = self._environment.name, self._others()
        if not step.release:
            demand_none(name, others)
        elif others and Path(self._environment.identity_file).exists():
            facts = facts_of(self._program(step.release), Path(self._environment.data_directory))
            together = facts.get("previous_release_can_run", False)
            demand_living(name, others, facts["pending_migrations"], together=together)


def others_hands(environment: Environment, others: Others, program: Callable[[str], Sequence[str]]) -> Hands:
    """What looks for them; see :class:`OthersDemander`."""
    return {DemandOthers: OthersDemander(environment, others, program)}
