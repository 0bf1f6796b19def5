"""The hands for every step that a command may have to carry out, or find left open by a run that was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from homeport.cli.surroundings import migrator_of, surroundings_of
from homeport.contract.servers import ServerSeen
from homeport.environments.backups.moving import MOVE
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.environments.others import demand_living
from homeport.environments.plan import Plan
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
from homeport.host.journal import Operation, Outcome
from homeport.host.machine import MACHINE_HANDS
from homeport.host.migrations.hands import migration_hands
from homeport.host.others import others_hands
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
        facts = facts_of(release_program(one, Path(file)), Path(one.data_directory))
        pending, together = facts["pending_migrations"], facts.get("previous_release_can_run", False)
        demand_living(one.name, others_of(one) if pending else (), pending, together=together)
        return bool(pending)

    servers = service_hands(declaration.environments, lambda one: manager_for(one, file), would_migrate)
    around_releases = releases_of(declaration, environment)
    saving = data_hands(own, find, identities, around_releases.program)
    others = others_hands(environment, lambda: others_of(environment), around_releases.program)
    data = all_hands(SCRATCH_HANDS, saving, adopted_data_hands(own), others)
    releases = release_hands(around_releases)
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
    across: str = "",
    only_here: bool = False,
    only_heals: bool = False,
) -> Iterator[Carrier]:
    """A carrier for an environment; where an operation is stuck, it is said how the environment stands.

    A move that was left open is brought to its end first: it is the one operation that changes the declaration, which
    the command has read by then.
    Where the data are in a database, other machines may change the same environment: what is not about this machine
    alone is reserved in the database too.

    Args:
        declaration: with all environments.
        environment: what is changed; its journal directory must exist.
        hands: of :func:`hands_of`.
        watcher: is told.
        again: whether what is stuck is tried once more.
        only_here: whether the command does nothing with the declaration but this, and nothing to what others have.
        only_heals: whether it does nothing but bring to its end what was left open. A move too is left to it: it need
            not begin anew with what the declaration says then.
        across: the operation that is reserved on all machines; empty where it is about this one. What an earlier run
            left open may be about all.

    Raises:
        DeclarationChangedError: it is to be read again; nothing else was done.
        GuardError: another operation runs, here or on another machine.
        HomeportError: it cannot be reserved.
        NeedsPersonError: a move was left open, and can be neither finished nor undone.
    """
    file = PurePosixPath(declaration.file)

    def look(operation: Operation) -> list[str]:
        return describe(environment, manager_for(environment, file), Path(file), operation)

    directory = Path(environment.journal_directory)
    told = _Keeping(watcher or NoWatcher())
    with carrying(
        directory,
        environment.name,
        hands,
        told,
        look,
        again=again,
        tidy=lambda: tidy(surroundings_of(declaration, environment)),
    ) as carrier:
        if only_here:
            yield carrier
            return
        left = carrier.left_open()
        with _reserved(environment, told, across or ("heal" if left else ""), needed=bool(across)):
            if not only_heals and any(one.name == MOVE for one in left):
                _end_move(carrier, Path(file))
            yield carrier


def _end_move(carrier: Carrier, file: Path) -> None:
    """Brings to its end what was left open, a move among it; where that changes the declaration it is told."""
    before = file.read_bytes()
    carrier.heal()
    if file.read_bytes() != before:
        raise DeclarationChangedError(
            f"{file} says something else since a move that was left open was brought to its end.",
            "Run the command again.",
        )


def tidy(around: Surroundings) -> None:
    """Removes scratch databases that nobody has any more.

    What cannot be removed now is found by the next operation, and told by the doctor.
    """
    with suppress(HomeportError):
        around.seam.tidy()


@contextmanager
def _reserved(environment: Environment, told: _Keeping, operation: str, *, needed: bool) -> Iterator[None]:
    """Reserves an environment for an operation, if there is one, on all machines; see :func:`operating`."""
    if environment.database is None or not operation:
        yield
        return
    # A machine without databases does not load what reserves them.
    from homeport.server import databases

    with databases.reserved(environment.database, environment.name, operation, needed=needed) as found:
        told.keep = found.keep
        yield


class _Keeping:
    """A watcher that looks before each step whether the environment is still reserved, and tells another one all."""

    def __init__(self, told: Watcher) -> None:
        self._told = told
        self.keep: Callable[[], None] = _nothing

    def healed(self, operation: Operation, outcome: Outcome) -> None:
        self._told.healed(operation, outcome)

    def begins(self, plan: Plan, number: int) -> None:
        self.keep()
        self._told.begins(plan, number)

    def taking_back(self, plan: Plan, why: str) -> None:
        self._told.taking_back(plan, why)


def _nothing() -> None:
    """Where nothing is reserved."""


def others_of(environment: Environment) -> list[ServerSeen]:
    """The servers of other machines that have an environment's database open; none where there is none.

    Raises:
        HomeportError: the database server cannot be reached.
    """
    if environment.database is None:
        return []
    # A machine without databases does not load what asks them.
    from homeport.server import databases

    found = databases.servers_on(environment.database, Path(environment.data_directory))
    return [one for one in found if not one["here"]]


def releases_of(declaration: Declaration, environment: Environment) -> ReleaseSurroundings:
    """What releases of an environment are changed with."""
    file = PurePosixPath(declaration.file)
    return ReleaseSurroundings(environment, Path(file), lambda: manager_for(environment, file), declaration.environment)
