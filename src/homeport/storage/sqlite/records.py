"""All records over one connection."""

from __future__ import annotations

from collections.abc import Sequence

from homeport.coordination.messages import Message
from homeport.coordination.search import Hit, SearchQuery
from homeport.storage.sqlite.answers import SqliteAnswers
from homeport.storage.sqlite.database import Database
from homeport.storage.sqlite.events import SqliteEvents
from homeport.storage.sqlite.inboxes import SqliteInboxes
from homeport.storage.sqlite.index import Pending
from homeport.storage.sqlite.instances import SqliteInstances
from homeport.storage.sqlite.lessons import SqliteLessons
from homeport.storage.sqlite.messages import SqliteMessages
from homeport.storage.sqlite.oauth import SqliteOAuth
from homeport.storage.sqlite.originals import SqliteOriginals
from homeport.storage.sqlite.projects import SqliteProjects
from homeport.storage.sqlite.roles import SqliteRoles
from homeport.storage.sqlite.search import Search
from homeport.storage.sqlite.tasks import SqliteTasks
from homeport.storage.sqlite.tokens import SqliteTokens
from homeport.storage.sqlite.watches import SqliteWatches
from homeport.storage.sqlite.webhooks import SqliteWebhooks


class MessageRecords(SqliteMessages, SqliteInboxes):
    """See :class:`homeport.coordination.store.Messages`."""

    def add(self, message: Message, recipients: Sequence[str]) -> Message:
        stored = self.insert(message)
        self.deliver(stored.seq, recipients)
        return stored


class SqliteRecords:
    """See :class:`homeport.coordination.store.Records`.

    Made once for a connection and used for one transaction after the other.
    """

    def __init__(self, database: Database) -> None:
        self.pending = Pending(database)
        self.instances = SqliteInstances(database)
        self.projects = SqliteProjects(database)
        self.tasks = SqliteTasks(database)
        self.messages = MessageRecords(database, self.pending)
        self.lessons = SqliteLessons(database)
        self.roles = SqliteRoles(database)
        self.events = SqliteEvents(database)
        self.answers = SqliteAnswers(database)
        self.originals = SqliteOriginals(database)
        self.tokens = SqliteTokens(database)
        self.webhooks = SqliteWebhooks(database)
        self.oauth = SqliteOAuth(database)
        self.watches = SqliteWatches(database)
        self._search = Search(database, self.pending)

    def role_known(self, name: str) -> bool:
        return self.roles.known(name)

    def search(self, query: SearchQuery) -> Sequence[Hit]:
        return self._search.hits(query)

    def mark(self) -> tuple[int | None, int]:
        """What :meth:`restore` needs when a savepoint is undone."""
        return self.pending.first, len(self.events.appended)

    def restore(self, mark: tuple[int | None, int]) -> None:
        """Forgets what this object remembers of work that the database has just undone."""
        self.pending.first = mark[0]
        del self.events.appended[mark[1] :]

    def forget(self) -> None:
        """Forgets the whole transaction, which is over or undone."""
        self.restore((None, 0))
