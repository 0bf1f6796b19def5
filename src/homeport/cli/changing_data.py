"""What commands on an environment's data and backups begin with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from homeport.cli.hands import hands_of, operating, tidy
from homeport.cli.showing import Told
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.host.archives.sealing import Identity
from homeport.host.backups.creating import Surroundings
from homeport.host.carrying import Carrier


@contextmanager
def changing_data(
    declaration: Declaration,
    environment: Environment,
    around: Surroundings,
    identities: Sequence[Identity] = (),
    *,
    across: str = "",
) -> Iterator[Carrier]:
    """A carrier with a journal and a shelf to work with; what an earlier run left open has been brought to its end.

    Args:
        declaration: with all environments.
        environment: what is changed.
        around: what its backups are made with.
        identities: that open sealed backups.
        across: see :func:`~homeport.cli.hands.operating`.

    Raises:
        GuardError: another operation runs.
        NeedsPersonError: what was left open can be neither finished nor undone.
    """
    for directory in (Path(environment.journal_directory), around.shelf.directory):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    hands = hands_of(declaration, environment, around, identities)
    with operating(declaration, environment, hands, Told(), across=across) as carrier:
        carrier.heal()
        try:
            yield carrier
        finally:
            tidy(around)
