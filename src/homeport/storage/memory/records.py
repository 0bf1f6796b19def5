"""All records over one set of tables."""

from __future__ import annotations

from collections.abc import Sequence

from homeport.coordination.instances import InstanceFilter
from homeport.coordination.search import Hit, SearchQuery
from homeport.storage.memory.events import MemoryAnswers, MemoryEvents, MemoryOriginals
from homeport.storage.memory.instances import MemoryInstances
from homeport.storage.memory.lessons import MemoryLessons
from homeport.storage.memory.messages import MemoryMessages
from homeport.storage.memory.oauth import MemoryOAuth
from homeport.storage.memory.projects import MemoryProjects
from homeport.storage.memory.roles import MemoryRoles
from homeport.storage.memory.search import search
from homeport.storage.memory.tables import Tables
from homeport.storage.memory.tasks import MemoryTasks
from homeport.storage.memory.tokens import MemoryTokens
from homeport.storage.memory.watches import MemoryWatches
from homeport.storage.memory.webhooks import MemoryWebhooks


class MemoryRecords:
    """See :class:`homeport.coordination.store.Records`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.instances = MemoryInstances(tables)
        self.projects = MemoryProjects(tables)
        self.tasks = MemoryTasks(tables)
        self.messages = MemoryMessages(tables)
        self.lessons = MemoryLessons(tables)
        self.roles = MemoryRoles(tables)
        self.events = MemoryEvents(tables)
        self.answers = MemoryAnswers(tables)
        self.originals = MemoryOriginals(tables)
        self.tokens = MemoryTokens(tables)
        self.webhooks = MemoryWebhooks(tables)
        self.oauth = MemoryOAuth(tables)
        self.watches = MemoryWatches(tables)

    def role_known(self, name: str) -> bool:
        return self.roles.get(name) is not None or bool(self.instances.count(InstanceFilter(role=name)))

    def search(self, query: SearchQuery) -> Sequence[Hit]:
        return search(self._tables, query)
