"""The server half's composition root: the only place where transports, operations and storage meet.

``run`` serves one environment; the others work on a data directory beside its server or without one, or on a snapshot.
None loads what only another needs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from homeport.contract import (
    DatabaseAddress,
    DataFacts,
    DataMigrated,
    DataPrepared,
    DataUpgraded,
    DataVerified,
    ExitCode,
    Scrub,
    ServeSettings,
    SnapshotTaken,
)
from homeport.contract.losses import DataLoss

if TYPE_CHECKING:
    from homeport.coordination.tokens import Request, Token
    from homeport.coordination.values import Millis
    from homeport.exchange.json_v1.report import Report
    from homeport.secret import Secret


def run(settings: ServeSettings) -> ExitCode:
    """Opens the data directory and serves it until SIGTERM or SIGINT.

    Raises:
        CannotStartError: the data are another's, of a newer schema, unwritable or in use, or the port is taken.
    """
    from homeport.server.serving import serve

    return serve(settings)


def sockets_are_handed() -> bool:
    """Whether a service manager handed listening sockets to this process, so that it need not bind any.

    Raises:
        CannotStartError: what the manager says of them cannot be understood.
    """
    from homeport.server.handed import count_handed

    return count_handed(os.environ, os.getpid()) > 0


def holds_data(data_directory: Path, environment: str, *, database: DatabaseAddress | None = None) -> bool:
    """Whether an environment was started or filled before.

    Raises:
        CannotStartError: the data are another environment's, or not where they are declared to be.
        UnavailableError: the database cannot be asked now.
    """
    from homeport.server.opening import DataPlace

    return DataPlace(data_directory, environment, database).holds_data()


def import_json_v1(
    data_directory: Path,
    environment: str,
    source: Path,
    *,
    dry_run: bool = False,
    database: DatabaseAddress | None = None,
) -> Report:
    """Imports a directory of the earlier server into an environment's data: all of it, or nothing.

    Args:
        data_directory: absolute; must exist; it may be empty.
        environment: whose data it must be.
        source: the earlier server's data directory.
        dry_run: reports what an import would do, and leaves the data as they are.
        database: that is declared to hold the data.

    Raises:
        CannotStartError: the data are another environment's, unwritable, or open in a server of another schema.
        UsageError: the source is no such directory.
        InvalidError: a file of it is broken; the sentence names the line.
    """
    from homeport.server import data
    from homeport.server.opening import DataPlace

    return data.import_json_v1(DataPlace(data_directory, environment, database), source, dry_run=dry_run)


def export_json_v1(
    data_directory: Path,
    environment: str,
    target: Path,
    *,
    dry_run: bool = False,
    database: DatabaseAddress | None = None,
) -> Report:
    """Writes what an environment holds as a directory of the earlier server.

    Args:
        data_directory: absolute; must exist and hold data.
        environment: whose data it must be.
        target: a directory that is empty or does not exist yet.
        dry_run: reports what there is to be written, and writes nothing.
        database: that is declared to hold the data.

    Raises:
        CannotStartError: the data are another environment's, unwritable, or open in a server of another schema.
        UsageError: the target is not empty, or there is nothing to export.
    """
    from homeport.server import data
    from homeport.server.opening import DataPlace

    return data.export_json_v1(DataPlace(data_directory, environment, database), target, dry_run=dry_run)


def create_token(
    data_directory: Path, environment: str, wanted: Request, *, database: DatabaseAddress | None = None
) -> tuple[Token, Secret]:
    """Makes a token of an environment; its text is here and nowhere else.

    Raises:
        CannotStartError: the data are another environment's, unwritable, or open in a server of another schema.
        CallError: there cannot be such a token.
    """
    from homeport.server import tokens
    from homeport.server.opening import DataPlace

    return tokens.create(DataPlace(data_directory, environment, database), wanted)


def list_tokens(data_directory: Path, environment: str, *, database: DatabaseAddress | None = None) -> list[Token]:
    """All tokens of an environment, the oldest first; there is no secret in them.

    Raises:
        CannotStartError: as for :func:`create_token`.
    """
    from homeport.server import tokens
    from homeport.server.opening import DataPlace

    return tokens.listed(DataPlace(data_directory, environment, database))


def revoke_token(
    data_directory: Path, environment: str, token_id: str, *, database: DatabaseAddress | None = None
) -> Token:
    """Ends a token for good, also in a server that runs.

    Raises:
        CannotStartError: as for :func:`create_token`.
        NotFoundError: there is none of that id.
    """
    from homeport.server import tokens
    from homeport.server.opening import DataPlace

    return tokens.revoke(DataPlace(data_directory, environment, database), token_id)


def take_snapshot(
    data_directory: Path, environment: str, target: Path, database: DatabaseAddress | None = None
) -> SnapshotTaken:
    """Copies an environment's data as they are at one moment, while its server writes, and checks the copy.

    Args:
        data_directory: absolute; the one that the server has open, where one runs.
        environment: whose data it must be.
        target: a directory that is empty or does not exist yet; it ends up empty or missing again if this fails.
        database: the environment's, where its data are in one.

    Raises:
        CannotStartError: the data are another environment's, or cannot be read, or the copy of them is not sound.
        UsageError: there are no data yet.
        GuardError: the target is not empty, or within the data.
        HomeportError: there is no room for the copy, or it cannot be written.
    """
    from homeport.server.snapshots import taking

    return taking.take(data_directory, environment, target, database)


def data_facts(directory: Path, *, deep: bool = False, database: DatabaseAddress | None = None) -> DataFacts:
    """What a data directory or a snapshot holds, and what is wrong with it. Nothing in it is changed.

    Args:
        directory: of data that may be in use, damaged, or not there.
        deep: looks at every row and reference; takes ten times as long.
        database: the environment's whose data these are: a dump is restored on its server, and gone afterwards.

    Raises:
        UsageError: there is no such directory.
    """
    from homeport.server.snapshots import facts

    return facts.facts(directory, deep=deep, database=database)


def lost_after(
    data_directory: Path,
    environment: str,
    position: int,
    *,
    position_at: Millis | None = None,
    identity: str | None = None,
    taken: Millis | None = None,
    held: Mapping[str, int] | None = None,
    database: DatabaseAddress | None = None,
) -> DataLoss:
    """What an environment's data hold since a position: what restoring a backup of that position would lose.

    Args:
        data_directory: absolute; its server may be running.
        environment: whose data it must be.
        position: of the backup.
        position_at: when the event of that number was, in the backup; tells a history that these data have left.
        identity: of the backup.
        taken: when the backup was begun: what no event tells of counts from then on, else from that event on.
        held: rows by table that the backup has.
        database: the environment's, where its data are in one.

    Raises:
        CannotStartError: the data are another environment's.
        HomeportError: the data are damaged.
    """
    from homeport.server.snapshots import losses

    return losses.lost(
        data_directory,
        environment,
        position,
        position_at=position_at,
        identity=identity,
        taken=taken,
        held=held or {},
        database=database,
    )


def prepare_snapshot(
    directory: Path, environment: str, origin: str, scrub: Scrub = "none", database: DatabaseAddress | None = None
) -> DataPrepared:
    """Makes a snapshot of one environment into data of another, in its place.

    Tokens, what signs in with OAuth, webhooks, remembered answers, and tokens within texts always go, and no byte of
    them stays. The data get an identity of their own, and a file that says where they come from. A directory in which
    this was cut off has no identity, and is to be thrown away.

    Args:
        directory: a snapshot, never live data.
        environment: whose data they become.
        origin: whose data they must be.
        scrub: what goes besides.
        database: the origin's, where its data are in one: the copy is scrubbed on its server.

    Raises:
        CannotStartError: its identity cannot be read.
        GuardError: it is in use, not of the origin, no finished snapshot, or has a secret in a name.
        UsageError: there is no such directory, or the two environments are one.
        HomeportError: it is damaged, or there is no room for a second copy.
    """
    from homeport.server.snapshots import preparing

    return preparing.prepare(directory, environment, origin, scrub, database)


def upgrade_snapshot(directory: Path, database: DatabaseAddress | None = None) -> DataUpgraded:
    """Runs the migrations that a snapshot lacks on it, and counts what they changed.

    Args:
        directory: a snapshot; where it has a dump, that is a scratch database afterwards.
        database: the environment's, where its data are in one.

    Raises:
        CannotStartError: its schema is newer than this version, or not Homeport's.
        GuardError: it is in use.
        UsageError: there is no database.
        HomeportError: a migration failed, and the database is as it was; or it is not sound afterwards.
    """
    from homeport.server.snapshots import upgrading

    return upgrading.upgrade(directory, database)


def migrate_data(
    data_directory: Path, environment: str, *, beside: bool = False, database: DatabaseAddress | None = None
) -> DataMigrated:
    """Runs the migrations that an environment's data lack, on the data themselves, in one transaction.

    Killed or failing at any moment it leaves them as they were; a second run goes on from what there is.

    Args:
        data_directory: absolute.
        environment: whose data it must be.
        beside: a server may have them open meanwhile, where its release can live with all of the migrations.
        database: the environment's, where its data are in one.

    Raises:
        CannotStartError: the data are another environment's, damaged, or of a newer schema that this cannot use.
        GuardError: a server has them open, and may not.
        UsageError: there are no data yet.
        HomeportError: a migration failed, or left what is not right; the data are as they were.
    """
    from homeport.server import migrations

    return migrations.migrate_live(data_directory, environment, beside=beside, database=database)


def verify_data(directory: Path, database: DatabaseAddress | None = None) -> DataVerified:
    """What the migrations that ran on data, live or not, find in them now; nothing in them is changed.

    Args:
        directory: of data.
        database: the environment's, where its data are in one.

    Raises:
        CannotStartError: the data are damaged, or of a newer schema that this cannot use.
        UsageError: there is no database.
    """
    from homeport.server import migrations

    return migrations.verify_data(directory, database)


def announce(
    data_directory: Path, environment: str, subject: str, body: str, *, database: DatabaseAddress | None = None
) -> str:
    """Sends a message from the environment itself (``homeport``) to everybody; also while its server runs.

    Returns:
        The message's id.

    Raises:
        CannotStartError: as for :func:`create_token`.
        InvalidError: both texts are empty.
    """
    from homeport.server import announcing
    from homeport.server.opening import DataPlace

    return announcing.announce(DataPlace(data_directory, environment, database), subject, body)
