"""``/health``: whether this server can do its work, proved and not assumed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import orjson

from homeport.contract import CameFrom, Health
from homeport.coordination.store import Store
from homeport.errors import CallError
from homeport.transports.exchange import JSON, Exchange
from homeport.transports.log import Log
from homeport.transports.proof import Proof

PROBE_SECONDS: Final = 5.0
"""A disk that takes longer for one row counts as broken."""
FRESH_SECONDS: Final = 1.0
"""For so long one proof serves all who ask, so that asking cannot be used to keep the disk busy."""


async def _unknown() -> None:
    """What nobody said how to ask for."""


@dataclass(frozen=True, slots=True)
class About:
    """What the health answer says besides how it is; see :class:`~homeport.contract.Health`."""

    environment: str
    version: str
    release: str | None
    data_directory: str
    identity: str
    database: str | None = None
    backups: Callable[[], Proof] = Proof
    origin: CameFrom | None = None
    rehearsal: bool = False
    standby: Callable[[], bool] = lambda: False
    migrating: Callable[[], bool] = lambda: False
    database_bytes: Callable[[], Awaitable[float | None]] = _unknown
    survey: Callable[[], bytes | None] = lambda: None
    """What was last seen of all environments, as it stands in its file; None where nobody looked."""

    def build(self, schema_version: str) -> dict[str, str]:
        """What runs here, for metrics."""
        return {
            "environment": self.environment,
            "version": self.version,
            "release": self.release or "",
            "schema_version": schema_version,
        }


class HealthEndpoint:
    """Answers ``/health``.

    Args:
        about: what it says of this server.
        store: what is probed.
        log: learns why a probe failed.
        monotonic: seconds.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        about: About,
        store: Store,
        log: Log,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._about = about
        self._store = store
        self._log = log
        self._monotonic = monotonic
        self._clock = clock
        self._began = monotonic()
        self._proof: asyncio.Task[list[str]] | None = None
        self._proved_at = 0.0

    async def __call__(self, exchange: Exchange) -> None:
        reasons = await asyncio.shield(self._proving())
        about = self._about
        backups = about.backups()
        answer = Health(
            status="unhealthy" if reasons else "healthy",
            environment=about.environment,
            version=about.version,
            release=about.release,
            schema_version=self._store.schema_version,
            data_directory=about.data_directory,
            database=about.database,
            identity=about.identity,
            last_backup=backups.last_backup,
            last_drill=backups.last_drill,
            backups=backups.told(self._clock()),
            origin=about.origin,
            rehearsal=about.rehearsal,
            standby=about.standby(),
            uptime_seconds=round(self._monotonic() - self._began, 3),
            reasons=reasons,
        )
        headers = [(b"cache-control", b"no-store")]
        await exchange.respond(503 if reasons else 200, orjson.dumps(answer), JSON, headers)

    def _proving(self) -> asyncio.Task[list[str]]:
        """The proof under way, or the last one while it is fresh, or a new one."""
        now = self._monotonic()
        if self._proof is None or (self._proof.done() and now - self._proved_at >= FRESH_SECONDS):
            self._proof = asyncio.create_task(self._prove())
        return self._proof

    async def _prove(self) -> list[str]:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._store.probe()
        except TimeoutError:
            if self._about.migrating():
                return ["The data are being migrated: what is to be written waits until that has ended."]
            return [f"The store did not prove a write and a read within {PROBE_SECONDS:.0f} seconds."]
        except CallError as error:
            return [str(error)]
        except Exception as error:  # noqa: BLE001 - logged; whatever it was, this server is not healthy
            self._log.failure("probe failed", error)
            return ["The store failed in a way that nobody foresaw; the server's log says how."]
        else:
            return []
        finally:
            self._proved_at = self._monotonic()
