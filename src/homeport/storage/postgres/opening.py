"""How an environment's database is opened: made, migrated, or refused."""

from __future__ import annotations

import asyncio
from typing import Final

import psycopg
from psycopg import errors

from homeport.contract import DatabaseAddress, Identity
from homeport.errors import CannotStartError, HomeportError, UnavailableError
from homeport.identity import check_identity
from homeport.storage.migrations.revisions import HEAD
from homeport.storage.migrations.running import previous_can_run
from homeport.storage.postgres.admission import may_pass, seen
from homeport.storage.postgres.connection import Limits, connect
from homeport.storage.postgres.faults import cannot_start, migrated
from homeport.storage.postgres.identity import holds_anything, identity_in, schema_of, stamp
from homeport.storage.postgres.locks import OPENING, SERVING
from homeport.storage.postgres.migrating import is_migrating, migrate
from homeport.storage.postgres.outcomes import MAKE as MAKE_OUTCOMES
from homeport.storage.postgres.outcomes import SWEEP as SWEEP_OUTCOMES
from homeport.storage.postgres.proofs import MAKE as MAKE_PROOFS
from homeport.storage.postgres.standing import Standing, which
from homeport.storage.postgres.store import PostgresStore
from homeport.storage.postgres.wire import MAKE as MAKE_WIRE
from homeport.storage.sql.database import Row
from homeport.whereabouts import named

OLDEST: Final = 14
"""The oldest PostgreSQL whose authors still mend it."""
# A lock's is the shorter one: only who was told that a lock was not free asks whether somebody migrates.
_LIMITS: Final = Limits(statement=60, lock=50, idle=60)


async def open_store(address: DatabaseAddress, identity: Identity, *, beside_server: bool = False) -> PostgresStore:
    """Opens the store of an environment, which other servers of it may have open.

    An empty database becomes the environment's; one of an older schema is migrated, in one transaction. One of a newer
    schema is used as it is where its migrations say that this version can.

    Args:
        address: where it is.
        identity: whose data they must be.
        beside_server: its schema is not touched, and must be current.

    Raises:
        UnavailableError: it cannot be reached now.
        CannotStartError: it cannot be written, does not let this user in, is another's, of a newer schema, or needs a
            migration that servers which have it open could not live with.
    """
    standing, last = await asyncio.to_thread(_prepare, address, identity, beside_server=beside_server)
    return PostgresStore(address, standing, last)


def read_identity(address: DatabaseAddress) -> Identity | None:
    """What a database says of itself; None where it is empty.

    Raises:
        UnavailableError: it cannot be reached now.
        CannotStartError: it does not let this user in, or is not fit for Homeport, or not Homeport's.
    """
    try:
        connection = connect(address, _LIMITS)
        with connection:
            return _examined(connection, address)
    except psycopg.Error as error:
        raise _refusal(error, address) from error


def _prepare(address: DatabaseAddress, identity: Identity, *, beside_server: bool) -> tuple[Standing, int]:
    """What a database that can be used is, and the number of the last event in it. May take long."""
    try:
        with connect(address, _LIMITS) as connection:
            # One at a time: several servers may start at once.
            connection.execute(f"SELECT pg_advisory_lock({OPENING})")
            found = _examined(connection, address)
            if found is None:
                stamp(connection, identity)
            else:
                _check(found, identity, address)
            if not beside_server:
                connection.execute(MAKE_WIRE)
                connection.execute(MAKE_PROOFS)
            connection.execute(MAKE_OUTCOMES)
            connection.execute(SWEEP_OUTCOMES)
            revision = _bring_up(connection, address, beside_server=beside_server)
            connection.execute("BEGIN; UPDATE probe SET writes = writes; ROLLBACK", prepare=False)
            [(last,)] = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchall()
            return Standing(named(address), which(connection), revision), last
    except psycopg.Error as error:
        raise _refusal(error, address) from error


def _refusal(error: psycopg.Error, address: DatabaseAddress) -> HomeportError:
    """Why a database cannot be opened: for now, or for a reason that no waiting mends."""
    if isinstance(error, errors.LockNotAvailable) and is_migrating(address):
        return migrated(named(address))
    found = seen(error, address)
    refused = cannot_start(found, named(address))
    return UnavailableError(refused.sentence, refused.hint) if may_pass(found) else refused


def _examined(connection: psycopg.Connection[Row], address: DatabaseAddress) -> Identity | None:
    place = named(address)
    version = connection.info.server_version // 10_000
    if version < OLDEST:
        raise CannotStartError(
            f"The server of {place} is PostgreSQL {version}; {OLDEST} or newer is needed.", "Upgrade it."
        )
    [(encoding, standby)] = connection.execute(
        "SELECT current_setting('server_encoding'), pg_is_in_recovery()"
    ).fetchall()
    if encoding != "UTF8":
        raise CannotStartError(
            f"{place} has the encoding {encoding}: it cannot keep every text.", "Create it with ENCODING 'UTF8'."
        )
    if standby:
        raise UnavailableError(
            f"{place} is a standby, which only reads.", "Promote it, or name the server that is written to."
        )
    found = identity_in(connection)
    if found is None and holds_anything(connection):
        raise CannotStartError(f"{place} holds tables, but not Homeport's.", "Create one for this environment alone.")
    return found


def _check(found: Identity, identity: Identity, address: DatabaseAddress) -> None:
    place = named(address)
    check_identity(found, identity["environment"], place)
    if found["id"] != identity["id"]:
        raise CannotStartError(
            f"{place} holds data of {found['environment']}, but others than this data directory belongs to"
            f" ({found['id']}, not {identity['id']}).",
            "Correct the address; or move the directory away, and the server makes one that belongs to the database.",
        )


def _bring_up(connection: psycopg.Connection[Row], address: DatabaseAddress, *, beside_server: bool) -> str:
    """Migrates where that is due; the revision of the schema."""
    place = named(address)
    schema = schema_of(connection)
    if schema.revision is not None and not schema.is_usable:
        raise CannotStartError(
            f"{place} has schema {schema.revision}, which is newer than {HEAD}, the newest that this version knows.",
            "Start the version that wrote it, or a newer one.",
        )
    if schema.revision is not None and not schema.pending:
        return schema.revision
    [(alone,)] = connection.execute(f"SELECT pg_try_advisory_lock({SERVING})").fetchall()
    if beside_server or not (alone or (schema.pending and previous_can_run(schema.pending))):
        raise CannotStartError(
            f"{place} has schema {schema.revision}, this version needs {HEAD}, and servers have it open that could not"
            " live with it.",
            "Stop them, or deploy this version, which holds their calls meanwhile.",
        )
    try:
        migrate(address)
    except (errors.DiskFull, errors.OutOfMemory) as error:
        # Another try would hold up everybody as long, and come to the same end.
        raise cannot_start(error, place) from error
    return HEAD
