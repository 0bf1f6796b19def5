"""What one machine knows of backups, the servers of all others on the database tell too; a copy of it tells nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from homeport.contract import DatabaseAddress
from homeport.server import proofs
from homeport.server.proofs import SharedProof
from homeport.storage.postgres import Proofs, open_store
from homeport.transports.proof import Proof
from tests.support.postgres import Cluster
from tests.support.stores import IDENTITY
from tests.support.waiting import eventually

pytestmark = pytest.mark.needs_postgres

MORNING, NOON = "2026-11-25T08:00:00+00:00", "2026-11-25T12:00:00+00:00"


@dataclass
class Machine:
    """What it knows itself."""

    proof: Proof

    def read(self) -> Proof:
        return self.proof


async def test_all_tell_what_one_knows_and_what_it_knows_later_and_a_copy_of_the_database_tells_nothing(
    postgres: Cluster, database: DatabaseAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proofs, "LOOK_SECONDS", 0.02)
    stores = [await open_store(database, IDENTITY) for _ in range(2)]
    makes, makes_none = Machine(Proof(MORNING, MORNING, proven=True)), Machine(Proof())
    one = SharedProof(makes.read, Proofs(stores[0]), "one")
    other = SharedProof(makes_none.read, Proofs(stores[1]), "other")
    running = [asyncio.create_task(shared.run()) for shared in (one, other)]

    async def agree() -> bool:
        return other.read() == one.read() == makes.proof

    await eventually(agree)
    # A drill that failed, and a backup that was found damaged, take back what was said.
    makes.proof = Proof(NOON, NOON, proven=False)
    await eventually(agree)
    makes.proof = Proof()
    await eventually(agree)
    makes.proof = Proof(NOON, MORNING, proven=True)
    await eventually(agree)
    for task in running:
        task.cancel()
    assert list(await Proofs(stores[0]).known()) == ["one"]
    await asyncio.gather(*(store.close() for store in stores))

    copied = await asyncio.to_thread(postgres.create, template=postgres.database(database))
    store = await open_store(copied, IDENTITY)
    assert await Proofs(store).known() == {}
    await Proofs(store).tell("two", {"last_backup": MORNING, "last_drill": None, "proven": False})
    assert list(await Proofs(store).known()) == ["two"]
    await store.close()
    rows = "SELECT count(*) FROM homeport_backups"
    assert await asyncio.to_thread(postgres.execute, rows, postgres.database(copied)) == [(1,)]
    await asyncio.to_thread(postgres.drop, copied)
