"""One server's end of the wire: it opens its connection anew whenever it must, until it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from homeport.contract import DatabaseAddress
from homeport.errors import UnavailableError
from homeport.storage.postgres.wire import Wire
from tests.support.postgres import PASSWORD, Cluster
from tests.support.stores import filled
from tests.support.waiting import until

pytestmark = pytest.mark.needs_postgres


@pytest.fixture
async def secret(postgres: Cluster, tmp_path: Path) -> AsyncIterator[DatabaseAddress]:
    """A database whose password stands in a file of the test's own."""
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    file.chmod(0o600)
    made = await asyncio.to_thread(partial(filled, postgres, tcp=True))
    yield DatabaseAddress(made.url, str(file))
    await asyncio.to_thread(postgres.drop, made)


async def test_after_its_end_nothing_is_told_and_no_connection_opened(
    postgres: Cluster, address: DatabaseAddress
) -> None:
    end = Wire(address)
    await end.tell("before")
    await end.close()
    with pytest.raises(UnavailableError, match="closed"):
        await end.tell("after")
    connections = partial(postgres.connections, postgres.database(address))
    await asyncio.to_thread(until, lambda: connections() == 0)


async def test_what_waits_while_it_is_closed_opens_no_connection_either(
    postgres: Cluster, address: DatabaseAddress
) -> None:
    end = Wire(address)
    telling = [asyncio.create_task(end.tell(str(number))) for number in range(5)]
    await asyncio.sleep(0)
    await end.close()
    said = await asyncio.gather(*telling, return_exceptions=True)
    assert all(one is None or isinstance(one, UnavailableError) for one in said)
    connections = partial(postgres.connections, postgres.database(address))
    await asyncio.to_thread(until, lambda: connections() == 0)


async def test_a_password_that_cannot_be_read_for_the_moment_refuses_what_is_to_be_told(
    postgres: Cluster, secret: DatabaseAddress
) -> None:
    end = Wire(secret)
    await end.tell("one")
    missed: list[str] = []
    end.hear(lambda _: None, lambda: missed.append("something"))
    file = Path(str(secret.password_file))
    away = await asyncio.to_thread(file.rename, file.with_name("away"))
    await asyncio.to_thread(postgres.terminate, postgres.database(secret))
    with pytest.raises(UnavailableError, match="cannot be read from"):
        await end.tell("two")
    await end.rang([1])
    assert missed == ["something"]
    await asyncio.to_thread(away.rename, file)
    await end.tell("three")
    await end.close()
