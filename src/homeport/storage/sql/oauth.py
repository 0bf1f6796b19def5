"""OAuth's records in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from homeport.coordination.oauth import Client, Credential, Grant
from homeport.coordination.values import Millis
from homeport.storage.sql.codec import dump, dump_texts, load, load_texts
from homeport.storage.sql.database import Database, Row

_CLIENT: Final = "SELECT id, name, redirect_uris, created_at, used_at, fetched_at FROM oauth_clients"
_GET_CLIENT: Final = f"{_CLIENT} WHERE id = ?"
_CLIENTS: Final = f"{_CLIENT} ORDER BY created_at, id"
_DELETE_CLIENT: Final = "DELETE FROM oauth_clients WHERE id = ?"
_PUT_CLIENT: Final = """
    INSERT INTO oauth_clients (id, name, redirect_uris, created_at, used_at, fetched_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        name = excluded.name, redirect_uris = excluded.redirect_uris, created_at = excluded.created_at,
        used_at = excluded.used_at, fetched_at = excluded.fetched_at
"""
_GRANT: Final = "SELECT id, client_id, client_name, token_id, scope, created_at, ended_at FROM oauth_grants"
_GET_GRANT: Final = f"{_GRANT} WHERE id = ?"
_GRANTS_OF: Final = f"{_GRANT} WHERE token_id = ? ORDER BY created_at, id"
_PUT_GRANT: Final = """
    INSERT INTO oauth_grants (id, client_id, client_name, token_id, scope, created_at, ended_at)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        client_id = excluded.client_id, client_name = excluded.client_name, token_id = excluded.token_id,
        scope = excluded.scope, created_at = excluded.created_at, ended_at = excluded.ended_at
"""
_GET_CREDENTIAL: Final = """
    SELECT digest, kind, grant_id, client_id, scope, created_at, expires_at, used_at, data
    FROM oauth_credentials WHERE digest = ?
"""
_PUT_CREDENTIAL: Final = """
    INSERT INTO oauth_credentials
        (digest, kind, grant_id, client_id, scope, created_at, expires_at, used_at, data)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (digest) DO UPDATE SET
        kind = excluded.kind, grant_id = excluded.grant_id, client_id = excluded.client_id, scope = excluded.scope,
        created_at = excluded.created_at, expires_at = excluded.expires_at, used_at = excluded.used_at,
        data = excluded.data
"""
_FORGET: Final = "DELETE FROM oauth_credentials WHERE expires_at <= ?"
_FORGET_GRANTS: Final = "DELETE FROM oauth_grants WHERE id NOT IN (SELECT grant_id FROM oauth_credentials)"


class SqlOAuth:
    """See :class:`homeport.coordination.store.OAuth`."""

    def __init__(self, database: Database) -> None:
        self._execute = database.execute

    def client(self, client_id: str) -> Client | None:
        row = self._execute(_GET_CLIENT, (client_id,)).fetchone()
        return None if row is None else _client(row)

    def clients(self) -> Sequence[Client]:
        return [_client(row) for row in self._execute(_CLIENTS)]

    def put_client(self, client: Client) -> None:
        uris = dump_texts(client.redirect_uris)
        values = (client.id, client.name, uris, client.created_at, client.used_at, client.fetched_at)
        self._execute(_PUT_CLIENT, values)

    def delete_client(self, client_id: str) -> None:
        self._execute(_DELETE_CLIENT, (client_id,))

    def grant(self, grant_id: str) -> Grant | None:
        row = self._execute(_GET_GRANT, (grant_id,)).fetchone()
        return None if row is None else Grant(*row)

    def grants_of(self, token_id: str) -> Sequence[Grant]:
        return [Grant(*row) for row in self._execute(_GRANTS_OF, (token_id,))]

    def put_grant(self, grant: Grant) -> None:
        values = (
            grant.id,
            grant.client_id,
            grant.client_name,
            grant.token_id,
            grant.scope,
            grant.created_at,
            grant.ended_at,
        )
        self._execute(_PUT_GRANT, values)

    def credential(self, digest: str) -> Credential | None:
        row = self._execute(_GET_CREDENTIAL, (digest,)).fetchone()
        if row is None:
            return None
        *rest, data = row
        return replace(Credential(*rest), data=load(data))

    def put_credential(self, credential: Credential) -> None:
        values = (
            credential.digest,
            credential.kind,
            credential.grant_id,
            credential.client_id,
            credential.scope,
            credential.created_at,
            credential.expires_at,
            credential.used_at,
            dump(credential.data),
        )
        self._execute(_PUT_CREDENTIAL, values)

    def forget(self, before: Millis) -> None:
        self._execute(_FORGET, (before,))
        self._execute(_FORGET_GRANTS, ())


def _client(row: Row) -> Client:
    client_id, name, uris, *rest = row
    return Client(client_id, name, load_texts(uris), *rest)
