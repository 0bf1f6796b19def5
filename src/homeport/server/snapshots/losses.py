"""What a restore would lose, in numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from homeport.contract import DATABASE_FILE, DatabaseAddress
from homeport.contract.database import ADDRESS_FILE
from homeport.contract.losses import DataLoss
from homeport.coordination.values import Millis, iso
from homeport.errors import HomeportError, UsageError
from homeport.identity import check_owner
from homeport.storage.snapshots.examining import tables_of
from homeport.storage.snapshots.losing import Loss, lost_after
from homeport.storage.snapshots.reading import open_for_reading
from homeport.storage.sql.database import Database
from homeport.storage.sqlite.database import DatabaseError
from homeport.storage.sqlite.faults import cannot_start

Count = Callable[[Database, Collection[str]], Loss]


def lost(
    data_directory: Path,
    environment: str,
    position: int,
    *,
    position_at: Millis | None,
    identity: str | None,
    taken: Millis | None,
    held: Mapping[str, int],
    database: DatabaseAddress | None = None,
) -> DataLoss:
    """See :func:`homeport.server.lost_after`."""
    if position < 0:
        raise UsageError(f"--position {position} is no position of an event.", "Positions begin with 0.")
    found = check_owner(data_directory, environment)
    path = data_directory / DATABASE_FILE
    in_database = (data_directory / ADDRESS_FILE).exists()
    if found is None or not (in_database or path.is_file()):
        return _answer(environment, position, Loss(last_position=0, comparable=position == 0))
    # Of data with another identity no number means the same.
    same = identity in (None, found["id"])

    def count(database: Database, tables: Collection[str]) -> Loss:
        if same:
            return lost_after(database, position, position_at, tables=tables, taken=taken, held=held)
        return lost_after(database, 0, None, tables=tables, taken=0)

    loss = _of_database(data_directory, database, count) if in_database else _of_file(path, count)
    return _answer(environment, position, loss, same=same)


def _of_database(data_directory: Path, declared: DatabaseAddress | None, count: Count) -> Loss:
    from homeport.server.databases.losing import counted

    return counted(data_directory, declared, count)


def _of_file(path: Path, count: Count) -> Loss:
    try:
        with open_for_reading(path) as database:
            return count(database, tables_of(database))
    except DatabaseError as error:
        raise HomeportError(
            f"What is in {path} cannot be counted: {cannot_start(error, path).sentence}",
            "A restore can go on without these numbers: the damaged data are kept aside.",
        ) from error


def _answer(environment: str, position: int, loss: Loss, *, same: bool = True) -> DataLoss:
    return DataLoss(
        environment=environment,
        position=position,
        last_position=loss.last_position,
        comparable=loss.comparable and same,
        since=None if loss.since is None else iso(loss.since),
        until=None if loss.until is None else iso(loss.until),
        events=sum(loss.kinds.values()),
        messages=loss.of("message.sent"),
        tasks_created=loss.of("task.created"),
        tasks_changed=loss.tasks_changed,
        lessons=loss.lessons,
        projects=loss.of("project.created"),
        instances=loss.of("instance.registered"),
        tokens=loss.of("token.created"),
        imported=loss.imported,
        webhooks=loss.made.get("webhooks", 0),
        webhooks_removed=loss.removed.get("webhooks", 0),
        clients=loss.made.get("oauth_clients", 0),
        sign_ins=loss.made.get("oauth_credentials", 0),
        kinds=loss.kinds,
    )
