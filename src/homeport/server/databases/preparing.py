"""The dump in a snapshot, made into data of another environment: restored, scrubbed, and dumped anew.

It is restored beside the database that it came from, so that no server of another environment ever sees what is to be
taken out; and what is dumped anew has rows only, not what they were before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from homeport.contract import DatabaseAddress, DataFacts, Identity
from homeport.contract.database import DUMP_FILE
from homeport.coordination.scrub import Policy
from homeport.errors import HomeportError
from homeport.files import sync_directory
from homeport.server.databases.finding import demand_cluster
from homeport.server.snapshots.facts import described
from homeport.storage.dumps.cluster import Cluster
from homeport.storage.dumps.dumping import dump
from homeport.storage.dumps.examining import look
from homeport.storage.dumps.identity import restamp
from homeport.storage.dumps.loading import loaded
from homeport.storage.dumps.scrubbing import scrub
from homeport.storage.snapshots.scrubbing import Scrubbed, check_bytes

_CLEAN: Final = f"{DUMP_FILE}.scrubbed"


class Dump:
    """A dump that becomes another environment's.

    Args:
        directory: the snapshot that it is in.
        database: of the environment that it comes from.
    """

    def __init__(self, directory: Path, database: DatabaseAddress | None) -> None:
        self._directory = directory
        self._database = database
        self._scratch: Cluster | None = None

    @contextmanager
    def opened(self) -> Iterator[DataFacts]:
        """What is in it; it is a scratch database while the block runs."""
        file = self._directory / DUMP_FILE
        with loaded(demand_cluster(self._directory, self._database), file) as self._scratch:
            yield self.facts()

    def scrub(self, policy: Policy, identity: Identity) -> Scrubbed:
        """Takes out what does not belong into another environment, and dumps the rest in place of what there was.

        Raises:
            GuardError: a secret stands where none can be taken out.
            HomeportError: it cannot be scrubbed or dumped.
        """
        scratch, clean = self._opened(), self._directory / _CLEAN
        found = scrub(scratch, policy)
        restamp(scratch, identity)
        try:
            dump(scratch, clean)
            check_bytes(clean)
            clean.replace(self._directory / DUMP_FILE)
        finally:
            clean.unlink(missing_ok=True)
        sync_directory(self._directory)
        return found

    def facts(self) -> DataFacts:
        """What is in it now."""
        began = time.monotonic()
        return described(self._directory, look(self._opened(), deep=False), deep=False, began=began)

    def _opened(self) -> Cluster:
        if self._scratch is None:
            raise HomeportError(f"{self._directory / DUMP_FILE} is not restored.")
        return self._scratch
