"""The hands for every step that a command may have to carry out, or find left open by a run that was killed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from homeport.cli.surroundings import migrator_of, surroundings_of
from homeport.environments.backups.moving import MOVE
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.errors import DeclarationChangedError, HomeportError
from homeport.host.adoption import ADOPTION_HANDS
from homeport.host.adoption.data import data_hands as adopted_data_hands
from homeport.host.archives.sealing import Identity
from homeport.host.backups.creating import Surroundings
from homeport.host.backups.databases import database_hands
from homeport.host.backups.hands import data_hands
from homeport.host.carrying import Carrier, NoWatcher, Watcher, all_hands, carrying
from homeport.host.data.program import release_program
from homeport.host.hands import Hands
from homeport.host.hands.checkouts import CHECKOUT_HANDS
from homeport.host.hands.scratch import SCRATCH_HANDS
from homeport.host.hands.services import service_hands
from homeport.host.journal import Journal, Operation
from homeport.host.machine import MACHINE_HANDS
from homeport.host.migrations.hands import migration_hands
from homeport.host.releases.hands import ReleaseSurroundings, release_hands
from homeport.host.releases.rehearsing import facts_of
from homeport.host.replication.restoring import replica_hands
from homeport.host.services.choosing import manager_for
from homeport.host.status.standing import describe


def hands_of(
    declaration: Declaration,
    environment: Environment,
    around: Surroundings | None = None,
    identities: Sequence[Identity] = (),
) -> Hands:
    """All hands that there are, for operations on an environment.

    Args:
        declaration: with all environments.
        environment: what is changed.
        around: what its backups are made with; with progress where somebody watches.
        identities: that open sealed backups.
    """
    file = PurePosixPath(declaration.file)
    own = around if around is not None else surroundings_of(declaration, environment)

    def find(name: str) -> Surroundings:
        if name == environment.name:
            return own
        return surroundings_of(declaration, declaration.environment(name), own.progress)

    def would_migrate(one: Environment) -> bool:
        if not Path(one.identity_file).exists():
            return False  # There are none yet.
        pending = facts_of(release_program(one, Path(file)), Path(one.data_directory))["pending_migrations"]
        if pending and one.database is not None:
            # A machine without databases does not load what asks them.
            from homeport.server import databases

            databases.demand_one_server(one.database, one.name)
        return bool(pending)

    servers = service_hands(declaration.environments, lambda one: manager_for(one, file), would_migrate)
    data = all_hands(SCRATCH_HANDS, data_hands(own, find, identities), adopted_data_hands(own))
    releases = release_hands(releases_of(declaration, environment))
    replica = {} if environment.is_foreign else replica_hands(own)
    migrations = migration_hands(own, lambda release: migrator_of(declaration, environment, release))
    databases = database_hands(release_program(environment, Path(file)))
    kept = (MACHINE_HANDS, CHECKOUT_HANDS, ADOPTION_HANDS)
    return all_hands(*kept, servers, data, databases, releases, replica, migrations)


@contextmanager
def operating(
    declaration: Declaration,
    environment: Environment,
    hands: Hands,
    watcher: Watcher | None = None,
    *,
    again: bool = True,
    only_here: bool = False,
) -> Iterator[Carrier]:
    """A carrier for an environment; where an operation is stuck, it is said how the environment stands.

    A move that was left open is brought to its end first: it is the one operation that changes the declaration, which
    the command has read by then.

    Args:
        declaration: with all environments.
        environment: what is changed; its journal directory must exist.
        hands: of :func:`hands_of`.
        watcher: is told.
        again: whether what is stuck is tried once more.
        only_here: whether the command does nothing with the declaration but this.

    Raises:
        DeclarationChangedError: it is to be read again; nothing else was done.
        GuardError: another operation runs.
        NeedsPersonError: a move was left open, and can be neither finished nor undone.
    """
    file = PurePosixPath(declaration.file)

    def look(operation: Operation) -> list[str]:
        return describe(environment, manager_for(environment, file), Path(file), operation)

    def tidy() -> None:
        # What it cannot remove now is found by the next operation, and told by the doctor.
        with suppress(HomeportError):
            surroundings_of(declaration, environment).seam.tidy()

    directory = Path(environment.journal_directory)
    with carrying(directory, environment.name, hands, watcher or NoWatcher(), look, again=again, tidy=tidy) as carrier:
        if not only_here and any(one.is_open and one.name == MOVE for one in Journal(directory).operations()):
            before = Path(file).read_bytes()
            carrier.heal()
            if Path(file).read_bytes() != before:
                raise DeclarationChangedError(
                    f"{file} says something else since a move that was left open was brought to its end.",
                    "Run the command again.",
                )
        yield carrier


def releases_of(declaration: Declaration, environment: Environment) -> ReleaseSurroundings:
    """What releases of an environment are changed with."""
    file = PurePosixPath(declaration.file)
    return ReleaseSurroundings(environment, Path(file), lambda: manager_for(environment, file), declaration.environment)
