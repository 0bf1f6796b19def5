"""Has a release bring the live data to its schema."""

from __future__ import annotations

from collections.abc import Sequence

from homeport.contract import DataMigrated
from homeport.environments.environment import Environment
from homeport.errors import HomeportError
from homeport.host.data.asking import ask_program


def migrate_live(environment: Environment, program: Sequence[str], *, beside: bool) -> DataMigrated:
    """Runs what is pending, in one transaction, which ends with this process.

    Args:
        environment: whose data.
        program: what runs the release's ``homeport``.
        beside: whether a server may have the data open meanwhile.

    Raises:
        HomeportError: they could not be migrated; they are as they were.
    """
    words = ("migrate", environment.name, *(("--beside",) if beside else ()))
    try:
        done: DataMigrated = ask_program(program, *words, ends_with_us=True)
    except HomeportError as error:
        sentence = f"The data could not be migrated: {error.sentence}"
        raise HomeportError(sentence, error.hint, **error.details) from error
    return done
