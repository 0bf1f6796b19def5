"""Webhooks in a dictionary."""

from __future__ import annotations

from collections.abc import Sequence

from homeport.coordination.webhooks import Webhook
from homeport.storage.memory.tables import Tables


class MemoryWebhooks:
    """See :class:`homeport.coordination.store.Webhooks`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, webhook_id: str) -> Webhook | None:
        return self._tables.webhooks.get(webhook_id)

    def all(self) -> Sequence[Webhook]:
        return sorted(self._tables.webhooks.values(), key=lambda one: (one.created_at, one.id))

    def parked(self) -> list[str]:
        return [one.id for one in self.all() if one.parked_at is not None]

    def put(self, webhook: Webhook) -> None:
        self._tables.webhooks[webhook.id] = webhook

    def delete(self, webhook_id: str) -> None:
        self._tables.webhooks.pop(webhook_id, None)
