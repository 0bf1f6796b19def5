"""OAuth's records in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence

from homeport.coordination.oauth import Client, Credential, Grant
from homeport.coordination.values import Millis
from homeport.storage.memory.tables import Tables


class MemoryOAuth:
    """See :class:`homeport.coordination.store.OAuth`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def client(self, client_id: str) -> Client | None:
        return self._tables.oauth_clients.get(client_id)

    def clients(self) -> Sequence[Client]:
        return sorted(self._tables.oauth_clients.values(), key=lambda one: (one.created_at, one.id))

    def put_client(self, client: Client) -> None:
        self._tables.oauth_clients[client.id] = client

    def delete_client(self, client_id: str) -> None:
        self._tables.oauth_clients.pop(client_id, None)

    def grant(self, grant_id: str) -> Grant | None:
        return self._tables.oauth_grants.get(grant_id)

    def grants_of(self, token_id: str) -> Sequence[Grant]:
        found = (one for one in self._tables.oauth_grants.values() if one.token_id == token_id)
        return sorted(found, key=lambda one: (one.created_at, one.id))

    def put_grant(self, grant: Grant) -> None:
        self._tables.oauth_grants[grant.id] = grant

    def credential(self, digest: str) -> Credential | None:
        return self._tables.oauth_credentials.get(digest)

    def put_credential(self, credential: Credential) -> None:
        self._tables.oauth_credentials[credential.digest] = credential

    def forget(self, before: Millis) -> None:
        credentials = self._tables.oauth_credentials
        for one in [one for one in credentials.values() if one.expires_at <= before]:
            del credentials[one.digest]
        in_use = {one.grant_id for one in credentials.values()}
        for grant_id in self._tables.oauth_grants.keys() - in_use:
            del self._tables.oauth_grants[grant_id]
