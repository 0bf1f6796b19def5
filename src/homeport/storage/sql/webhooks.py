"""Webhooks in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from homeport.coordination.webhooks import Webhook
from homeport.secret import Secret
from homeport.storage.sql.codec import dump_texts, load_texts
from homeport.storage.sql.database import Database, Row

_SELECT: Final = """
    SELECT id, url, secret, created_at, position, kinds, failures, next_attempt_at, parked_at, last_error FROM webhooks
"""
_GET: Final = f"{_SELECT} WHERE id = ?"
_ALL: Final = f"{_SELECT} ORDER BY created_at, id"
_PARKED: Final = "SELECT id FROM webhooks WHERE parked_at IS NOT NULL ORDER BY created_at, id"
_DELETE: Final = "DELETE FROM webhooks WHERE id = ?"
_PUT: Final = """
    INSERT INTO webhooks
        (id, url, secret, created_at, position, kinds, failures, next_attempt_at, parked_at, last_error)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        url = excluded.url, secret = excluded.secret, created_at = excluded.created_at, position = excluded.position,
        kinds = excluded.kinds, failures = excluded.failures, next_attempt_at = excluded.next_attempt_at,
        parked_at = excluded.parked_at, last_error = excluded.last_error
"""


class SqlWebhooks:
    """See :class:`homeport.coordination.store.Webhooks`."""

    def __init__(self, database: Database) -> None:
        self._execute = database.execute

    def get(self, webhook_id: str) -> Webhook | None:
        row = self._execute(_GET, (webhook_id,)).fetchone()
        return None if row is None else _webhook(row)

    def all(self) -> Sequence[Webhook]:
        return [_webhook(row) for row in self._execute(_ALL)]

    def parked(self) -> list[str]:
        return [str(webhook_id) for (webhook_id,) in self._execute(_PARKED)]

    def put(self, webhook: Webhook) -> None:
        values = (
            webhook.id,
            webhook.url,
            webhook.secret.reveal(),
            webhook.created_at,
            webhook.position,
            dump_texts(webhook.kinds),
            webhook.failures,
            webhook.next_attempt_at,
            webhook.parked_at,
            webhook.last_error,
        )
        self._execute(_PUT, values)

    def delete(self, webhook_id: str) -> None:
        self._execute(_DELETE, (webhook_id,))


def _webhook(row: Row) -> Webhook:
    webhook_id, url, secret, created_at, position, kinds, *rest = row
    return Webhook(webhook_id, url, Secret(secret), created_at, position, load_texts(kinds), *rest)
