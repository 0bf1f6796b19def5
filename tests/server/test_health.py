"""``/health`` proves what it says."""

from __future__ import annotations

import anyio
import pytest

from homeport.contract import Health
from homeport.errors import UnavailableError
from homeport.storage.memory import MemoryStore
from homeport.transports import health
from tests.support.site import served


class Probed(MemoryStore):
    """A memory store that counts its probes, and fails them where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.probes = 0
        self.failure: Exception | None = None
        self.hold: anyio.Event | None = None

    async def probe(self) -> None:
        self.probes += 1
        if self.hold is not None:
            await self.hold.wait()
        if self.failure is not None:
            raise self.failure


async def test_a_healthy_server_says_all_that_the_contract_names() -> None:
    async with served() as site:
        response = await site.http.get("/health")
        assert response.status_code == 200
        answer = response.json()
        assert set(answer) == set(Health.__annotations__)
        assert answer["status"] == "healthy"
        assert (answer["environment"], answer["identity"], answer["reasons"]) == ("development", "an-id", [])
        assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("failure", [UnavailableError("The disk is full.", "Free some."), OSError("inside")])
async def test_a_store_that_cannot_write_makes_it_unhealthy_with_the_reason(failure: Exception) -> None:
    store = Probed()
    store.failure = failure
    async with served(store) as site:
        response = await site.http.get("/health")
        assert response.status_code == 503
        reasons = response.json()["reasons"]
        assert len(reasons) == 1
        assert "inside" not in reasons[0]
        assert (reasons == ["The disk is full. Free some."]) == isinstance(failure, UnavailableError)


async def test_a_store_that_hangs_makes_it_unhealthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PROBE_SECONDS", 0.01)
    store = Probed()
    store.hold = anyio.Event()
    async with served(store) as site:
        assert (await site.http.get("/health")).status_code == 503


async def test_a_store_that_waits_for_a_migration_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PROBE_SECONDS", 0.01)
    store = Probed()
    store.hold = anyio.Event()
    async with served(store, migrating=lambda: True) as site:
        answer = await site.http.get("/health")
        assert answer.status_code == 503
        why = "The data are being migrated: what is to be written waits until that has ended."
        assert answer.json()["reasons"] == [why]


async def test_many_who_ask_at_once_cost_one_probe() -> None:
    store = Probed()
    store.hold = anyio.Event()
    async with served(store) as site, anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(site.http.get, "/health")
        await anyio.wait_all_tasks_blocked()
        store.hold.set()
    assert store.probes == 1


async def test_a_proof_is_made_anew_once_it_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Probed()
    async with served(store) as site:
        await site.http.get("/health")
        await site.http.get("/health")
        assert store.probes == 1
        monkeypatch.setattr(health, "FRESH_SECONDS", 0.0)
        store.failure = UnavailableError("Gone.")
        assert (await site.http.get("/health")).status_code == 503
        store.failure = None
        assert (await site.http.head("/health")).status_code == 200
