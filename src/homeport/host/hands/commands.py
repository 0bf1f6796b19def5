"""Commands as steps."""

from __future__ import annotations

from typing import Final

from homeport.environments.steps import Run, Step
from homeport.host.commands import demand_command
from homeport.host.hands import Hands


class Runner:
    """:class:`Run`."""

    def inverse(self, step: Run) -> tuple[Step, ...]:
        return (Run(step.back, seconds=step.seconds),) if step.back else ()

    def apply(self, step: Run) -> None:
        demand_command(step.command, seconds=step.seconds)


COMMAND_HANDS: Final[Hands] = {Run: Runner()}
