"""The steps that exchange databases, carried out by the release's own program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from homeport.contract.database import ADDRESS_FILE
from homeport.environments.backups.database_steps import DropDatabase, ExchangeDatabase, ReturnDatabase
from homeport.environments.steps import Step
from homeport.host.data.asking import ask_program
from homeport.host.hands import Hands


class Exchanger:
    """:class:`ExchangeDatabase`."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program

    def inverse(self, step: ExchangeDatabase) -> tuple[Step, ...]:
        had = (Path(step.data) / ADDRESS_FILE).exists()
        return (ReturnDatabase(step.environment, step.data, step.incoming, step.served, step.label, had),)

    def apply(self, step: ExchangeDatabase) -> Mapping[str, Any]:
        words = ("--data", str(step.data), "--incoming", str(step.incoming), "--label", step.label)
        return {"exchanged": ask_program(self._program, "exchange", step.environment, *words, ends_with_us=True)}


class Returner:
    """:class:`ReturnDatabase`."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program

    def inverse(self, step: ReturnDatabase) -> tuple[Step, ...]:
        return ()

    def apply(self, step: ReturnDatabase) -> Mapping[str, Any]:
        words = ("--data", str(step.data), "--incoming", str(step.incoming), "--label", step.label)
        back = ("--back", "--served", str(step.served), *(("--had",) if step.had else ()))
        return {"returned": ask_program(self._program, "exchange", step.environment, *words, *back, ends_with_us=True)}


class Dropper:
    """:class:`DropDatabase`."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program

    def inverse(self, step: DropDatabase) -> tuple[Step, ...]:
        return ()

    def apply(self, step: DropDatabase) -> None:
        ask_program(self._program, "drop", step.environment, "--label", step.label, ends_with_us=True)


def database_hands(program: Sequence[str]) -> Hands:
    """What exchanges databases.

    Args:
        program: what runs the release's ``homeport``, with the declaration's ``--config``.
    """
    return {
        ExchangeDatabase: Exchanger(program),
        ReturnDatabase: Returner(program),
        DropDatabase: Dropper(program),
    }
