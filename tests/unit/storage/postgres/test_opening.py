"""A database is made, used or refused; a refusal says why, and leaves it as it was."""

from __future__ import annotations

import asyncio
import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from homeport.contract import DatabaseAddress, Identity
from homeport.errors import CannotStartError, UnavailableError
from homeport.storage.migrations.revisions import HEAD, REVISIONS
from homeport.storage.migrations.running import verify
from homeport.storage.postgres import open_store, read_identity
from homeport.storage.postgres.migrating import engine, is_outer
from homeport.storage.schema import METADATA, is_ours
from tests.support.postgres import Cluster
from tests.support.stores import IDENTITY

pytestmark = pytest.mark.needs_postgres


async def opened_and_closed(address: DatabaseAddress, identity: Identity = IDENTITY) -> str:
    store = await open_store(address, identity)
    await store.close()
    return store.schema_version


async def refused(address: DatabaseAddress, identity: Identity = IDENTITY) -> str:
    with pytest.raises(CannotStartError) as refusal:
        await opened_and_closed(address, identity)
    return f"{refusal.value} {refusal.value.hint}"


async def test_an_empty_database_becomes_the_environments_also_when_several_begin_at_once(
    database: DatabaseAddress,
) -> None:
    assert read_identity(database) is None
    assert await asyncio.gather(*(opened_and_closed(database) for _ in range(4))) == [HEAD] * 4
    assert read_identity(database) == IDENTITY


async def test_one_of_another_environment_or_of_other_data_is_refused(database: DatabaseAddress) -> None:
    await opened_and_closed(database)
    other = Identity(**{**IDENTITY, "environment": "production"})
    assert "holds data of development, not of production" in await refused(database, other)
    other = Identity(**{**IDENTITY, "id": "1c1b8f8a-0000-4000-8000-000000000000"})
    assert "others than this data directory belongs to" in await refused(database, other)
    assert read_identity(database) == IDENTITY


async def test_one_that_holds_something_else_is_left_alone(postgres: Cluster, database: DatabaseAddress) -> None:
    postgres.execute("CREATE TABLE shop (id INT); GRANT ALL ON shop TO PUBLIC", postgres.database(database))
    assert "holds tables, but not Homeport's" in await refused(database)
    with pytest.raises(CannotStartError, match="not Homeport's"):
        read_identity(database)


async def test_one_of_a_newer_schema_is_refused_unless_it_says_that_this_version_can_use_it(
    postgres: Cluster, database: DatabaseAddress
) -> None:
    await opened_and_closed(database)
    name = postgres.database(database)
    usable_from = "UPDATE homeport_identity SET usable_from = %s"
    postgres.execute("UPDATE alembic_version SET version_num = '9999'", name)
    postgres.execute(usable_from, name, [9999])
    assert "has schema 9999, which is newer" in await refused(database)
    postgres.execute(usable_from, name, [int(HEAD)])
    assert await opened_and_closed(database) == "9999"


async def test_one_that_cannot_keep_every_text_is_refused(postgres: Cluster) -> None:
    postgres.execute(
        "CREATE DATABASE latin OWNER homeport TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    assert "has the encoding LATIN1" in await refused(DatabaseAddress(postgres.url("latin")))


async def test_one_that_is_not_there_or_lets_nobody_in_is_named(postgres: Cluster, database: DatabaseAddress) -> None:
    assert "no_such" in await refused(DatabaseAddress(postgres.url("no_such")))
    nobody = DatabaseAddress(postgres.url(postgres.database(database), tcp=True, role="nobody"))
    assert re.search(r"password|authentication|role", await refused(nobody))
    # One that is away may come back: this is no reason never to start.
    away = DatabaseAddress("postgresql://homeport@127.0.0.1:1/x")
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await opened_and_closed(away)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        read_identity(away)
    assert "cannot be understood" in await refused(DatabaseAddress("postgresql://homeport@/x?sslmoed=1"))


async def test_one_in_which_the_server_may_make_nothing_says_so(postgres: Cluster) -> None:
    postgres.execute("CREATE DATABASE narrow OWNER postgres TEMPLATE template0 ENCODING 'UTF8'")
    said = await refused(DatabaseAddress(postgres.url("narrow")))
    assert "may not do that" in said
    assert "Grant" in said


async def test_migrations_make_the_schema_that_is_written_down(database: DatabaseAddress) -> None:
    await opened_and_closed(database)
    with engine(database).connect() as connection:
        options = {"include_object": is_ours, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
        assert verify(connection, REVISIONS, is_outer) == []
