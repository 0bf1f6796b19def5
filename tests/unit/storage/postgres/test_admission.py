"""What keeps a server from beginning is waited for where it may pass by itself, and a refusal for good where not."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from homeport.contract import DatabaseAddress
from homeport.errors import CannotStartError, HomeportError, UnavailableError
from homeport.storage.postgres import open_store
from tests.support.certificates import write_certificate
from tests.support.postgres import Cluster
from tests.support.refusing import refusing
from tests.support.stores import IDENTITY
from tests.support.waiting import until

pytestmark = pytest.mark.needs_postgres

Breakable = tuple[Cluster, DatabaseAddress]


async def kept_out(address: DatabaseAddress) -> tuple[type[HomeportError], str]:
    """How a start ends, and what it says."""
    with pytest.raises(HomeportError) as caught:
        await (await open_store(address, IDENTITY)).close()
    return caught.type, f"{caught.value}"


async def waits(address: DatabaseAddress) -> str:
    """What a server waits for that starts now."""
    kind, said = await kept_out(address)
    assert kind is UnavailableError, said
    return said


async def begins(address: DatabaseAddress) -> None:
    await (await open_store(address, IDENTITY)).close()


@pytest.mark.parametrize(
    "state",
    [
        "53300",  # no connection left
        "53200",  # no memory
        "53100",  # no room
        "57P01",  # an administrator ends it
        "57P03",  # it starts up, or recovers
        "55000",  # it lets nobody in for now
        "58030",  # its disk does not answer
        "08006",  # as poolers say that the server behind them is away
    ],
)
async def test_a_server_that_says_that_it_cannot_do_it_now_is_waited_for(state: str) -> None:
    async with refusing(state) as address:
        assert "/x" in await waits(address)


@pytest.mark.parametrize("state", ["28P01", "28000", "3D000", "42501"])
async def test_a_server_that_does_not_know_who_or_what_is_asked_for_is_refused(state: str) -> None:
    async with refusing(state) as address:
        kind, said = await kept_out(address)
        assert kind is CannotStartError, said


@contextmanager
def narrow(cluster: Cluster, *, connections: int, reserved: int) -> Iterator[None]:
    """A cluster that has no more connections than these, some of them for superusers only."""
    settings = {"max_connections": str(connections), "superuser_reserved_connections": str(reserved)}
    before = {name: str(cluster.execute(f"SHOW {name}")[0][0]) for name in settings}
    cluster.set(max_wal_senders="0", **settings)
    cluster.restart()
    try:
        yield
    finally:
        cluster.set(**before)
        cluster.restart()


async def test_one_without_a_connection_left_is_waited_for_whatever_it_calls_it(breakable: Breakable) -> None:
    cluster, address = breakable
    name = cluster.database(address)
    with narrow(cluster, connections=6, reserved=2):
        with ExitStack() as stack:
            for _ in range(4):
                stack.enter_context(cluster.connect())
            assert "reserved" in await waits(address)
            for _ in range(2):
                stack.enter_context(cluster.connect())
            said = await waits(address)
            assert "has no connection left" in said
            assert "too many clients" in said
            assert "Raise max_connections" in said
        until(lambda: cluster.connections("postgres") <= 1)
        for what in (f"DATABASE {name}", "ROLE homeport"):
            cluster.execute(f"ALTER {what} CONNECTION LIMIT 0")
            assert "too many connections for" in await waits(address)
            cluster.execute(f"ALTER {what} CONNECTION LIMIT -1")
    await begins(address)


async def test_a_standby_is_waited_for_until_it_is_promoted(breakable: Breakable) -> None:
    cluster, address = breakable
    signal = cluster.directory / "data" / "standby.signal"
    cluster.stop()
    signal.touch()
    if os.geteuid() == 0:
        shutil.chown(signal, "postgres")
    cluster.start()
    assert "is a standby, which only reads. Promote it" in await waits(address)
    # As where several are named, and none of them is the one that is written to.
    several = DatabaseAddress(f"{address.url}&target_session_attrs=read-write")
    assert "cannot be reached" in await waits(several)
    cluster.execute("SELECT pg_promote()")
    await begins(several)


async def test_a_read_only_database_is_waited_for(postgres: Cluster, database: DatabaseAddress) -> None:
    await begins(database)
    postgres.execute(f"ALTER DATABASE {postgres.database(database)} SET default_transaction_read_only = on")
    assert "is read-only" in await waits(database)
    postgres.execute(f"ALTER DATABASE {postgres.database(database)} RESET default_transaction_read_only")
    await begins(database)


async def test_one_whose_name_cannot_be_resolved_now_is_waited_for() -> None:
    assert "resolve" in await waits(DatabaseAddress("postgresql://homeport@database.invalid/x"))


async def test_one_whose_certificate_cannot_be_trusted_is_waited_for_and_the_clock_is_named(
    breakable: Breakable, tmp_path: Path
) -> None:
    cluster, _ = breakable
    address = cluster.create(tcp=True)
    for name in ("its", "another"):
        (tmp_path / name).mkdir()
        write_certificate(tmp_path / name, ("database.test", "127.0.0.1"))
    data = cluster.directory / "data"
    for name, target in (("certificate.pem", "server.crt"), ("key.pem", "server.key")):
        shutil.copy(tmp_path / "its" / name, data / target)
        (data / target).chmod(0o600)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(data / target, owner.pw_uid, owner.pw_gid)
    cluster.set(ssl="on")

    def trusting(name: str) -> DatabaseAddress:
        root = quote(str(tmp_path / name / "certificate.pem"), safe="")
        return DatabaseAddress(f"{address.url}?sslmode=verify-ca&sslrootcert={root}", address.password_file)

    said = await waits(trusting("another"))
    assert "certificate verify failed" in said
    assert "the clock of this machine" in said
    await begins(trusting("its"))
    cluster.set(ssl="off")


async def test_a_password_that_is_missing_and_an_address_that_is_none_are_refused(
    postgres: Cluster, database: DatabaseAddress
) -> None:
    name = postgres.database(database)
    for url in (postgres.url(name, tcp=True), f"{postgres.url(name)}&sslmode=sometimes"):
        kind, said = await kept_out(DatabaseAddress(url))
        assert kind is CannotStartError, said
