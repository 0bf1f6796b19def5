"""The ``Store`` port on PostgreSQL: any number of servers, each with a writer, a pool of readers and a listener."""

from homeport.storage.postgres.opening import open_store, read_identity
from homeport.storage.postgres.proofs import Proofs
from homeport.storage.postgres.store import PostgresStore
from homeport.storage.postgres.turn import take_turns

__all__ = ["PostgresStore", "Proofs", "open_store", "read_identity", "take_turns"]
