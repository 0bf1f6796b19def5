"""The steps that exchange databases, carried out by the release's own program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from homeport.environments.backups.data_steps import DATA
from homeport.environments.backups.database_steps import (
    ConvertData,
    DropDatabase,
    ExchangeDatabase,
    OwnScratches,
    ReturnDatabase,
    SweepScratches,
)
from homeport.environments.steps import Step
from homeport.errors import HomeportError
from homeport.host.data.asking import ask_program
from homeport.host.hands import Hands


class Exchanger:
    """:class:`ExchangeDatabase`."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program

    def inverse(self, step: ExchangeDatabase) -> tuple[Step, ...]:
        return (ReturnDatabase(step.environment, step.data, step.incoming, step.served, step.label),)

    def apply(self, step: ExchangeDatabase) -> Mapping[str, Any]:
        words = ("--data", str(step.data), "--incoming", str(step.incoming), "--label", step.label)
        empty = ("--onto-empty",) if step.onto_empty else ()
        done = ask_program(self._program, "exchange", step.environment, *words, *empty, ends_with_us=True)
        return {"exchanged": done}


class Returner:
    """:class:`ReturnDatabase`."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program

    def inverse(self, step: ReturnDatabase) -> tuple[Step, ...]:
        return ()

    def apply(self, step: ReturnDatabase) -> Mapping[str, Any]:
        words = ("--data", str(step.data), "--incoming", str(step.incoming), "--label", step.label)
        back = ("--back", "--served", str(step.served))
        return {"returned": ask_program(self._program, "exchange", step.environment, *words, *back, ends_with_us=True)}


class Dropper:
    """:class:`DropDatabase`."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program

    def inverse(self, step: DropDatabase) -> tuple[Step, ...]:
        return ()

    def apply(self, step: DropDatabase) -> None:
        ask_program(self._program, "drop", step.environment, "--label", step.label, "--yes", ends_with_us=True)


class ScratchOwner:
    """:class:`OwnScratches`."""

    def inverse(self, step: OwnScratches) -> tuple[Step, ...]:
        return (SweepScratches(step.environment, step.url, step.password_file),)

    def apply(self, step: OwnScratches) -> None:
        return None


class Sweeper:
    """:class:`SweepScratches`."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program

    def inverse(self, step: SweepScratches) -> tuple[Step, ...]:
        return ()

    def apply(self, step: SweepScratches) -> None:
        where = () if step.url is None else ("--url", step.url)
        password = () if step.password_file is None else ("--password-file", step.password_file)
        # A server that is gone may never come back, and nobody waits for it with what is well without it. The next
        # move there sweeps too.
        with suppress(HomeportError):
            ask_program(self._program, "sweep", step.environment, *where, *password, ends_with_us=True)


class Converter:
    """:class:`ConvertData`."""

    def __init__(self, program: Sequence[str]) -> None:
        self._program = program

    def inverse(self, step: ConvertData) -> tuple[Step, ...]:
        # It works in a directory that is taken back as a whole.
        return ()

    def apply(self, step: ConvertData) -> Mapping[str, Any]:
        kind = ("--file",) if step.url is None else ("--url", step.url)
        words = (*kind, *(() if step.password_file is None else ("--password-file", step.password_file)))
        directory = str(step.work / DATA)
        done = ask_program(self._program, "convert", directory, step.environment, *words, ends_with_us=True)
        return {"converted": done}


def database_hands(program: Sequence[str]) -> Hands:
    """What exchanges databases.

    Args:
        program: what runs the release's ``homeport``, with the declaration's ``--config``.
    """
    return {
        ExchangeDatabase: Exchanger(program),
        ReturnDatabase: Returner(program),
        DropDatabase: Dropper(program),
        ConvertData: Converter(program),
        OwnScratches: ScratchOwner(),
        SweepScratches: Sweeper(program),
    }
