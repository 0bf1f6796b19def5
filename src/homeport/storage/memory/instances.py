"""Instances in a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from homeport.coordination.instances import Instance, InstanceFilter
from homeport.coordination.values import Millis, Page
from homeport.storage.memory.paging import following
from homeport.storage.memory.tables import Tables


class MemoryInstances:
    """See :class:`homeport.coordination.store.Instances`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, instance_id: str) -> Instance | None:
        return self._tables.instances.get(instance_id)

    def exists(self, instance_id: str) -> bool:
        return instance_id in self._tables.instances

    def put(self, instance: Instance) -> None:
        self._tables.instances[instance.id] = instance

    def touch(self, instance_id: str, now: Millis) -> None:
        known = self.get(instance_id)
        if known is not None:
            status = "active" if known.status == "inactive" else known.status
            self.put(replace(known, status=status, last_seen_at=max(now, known.last_seen_at)))

    def select(self, which: InstanceFilter, page: Page) -> Sequence[Instance]:
        return following(self._matching(which), lambda one: (one.id,), page)

    def count(self, which: InstanceFilter) -> int:
        return len(self._matching(which))

    def ids(self) -> list[str]:
        return sorted(self._tables.instances)

    def ids_with_role(self, role: str) -> list[str]:
        return sorted(one.id for one in self._matching(InstanceFilter(role=role)))

    def _matching(self, which: InstanceFilter) -> list[Instance]:
        return [
            one
            for one in self._tables.instances.values()
            if (which.active_since is None or one.active_since(which.active_since))
            and (which.role is None or one.role.casefold() == which.role.casefold())
            and which.status in (None, one.status)
        ]
