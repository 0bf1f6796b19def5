"""All records over one connection."""

from __future__ import annotations

from collections.abc import Sequence

from homeport.coordination.messages import Message
from homeport.coordination.search import Hit, SearchQuery
from homeport.storage.sql.answers import SqlAnswers
from homeport.storage.sql.database import Database, Dialect
from homeport.storage.sql.events import SqlEvents
from homeport.storage.sql.inboxes import SqlInboxes
from homeport.storage.sql.instances import SqlInstances
from homeport.storage.sql.lessons import SqlLessons
from homeport.storage.sql.messages import SqlMessages
from homeport.storage.sql.oauth import SqlOAuth
from homeport.storage.sql.originals import SqlOriginals
from homeport.storage.sql.projects import SqlProjects
from homeport.storage.sql.roles import SqlRoles
from homeport.storage.sql.search import Search
from homeport.storage.sql.tasks import SqlTasks
from homeport.storage.sql.tokens import SqlTokens
from homeport.storage.sql.watches import SqlWatches
from homeport.storage.sql.webhooks import SqlWebhooks
from homeport.storage.sql.words import Words


class MessageRecords(SqlMessages, SqlInboxes):
    """See :class:`homeport.coordination.store.Messages`."""

    def __init__(self, database: Database, dialect: Dialect, words: Words) -> None:
        SqlMessages.__init__(self, database, dialect, words)
        SqlInboxes.__init__(self, database, dialect, words)

    def add(self, message: Message, recipients: Sequence[str]) -> Message:
        stored = self.insert(message)
        self.deliver(stored.seq, recipients)
        return stored


class SqlRecords:
    """See :class:`homeport.coordination.store.Records`.

    Made once for a connection and used for one transaction after the other.
    """

    def __init__(self, database: Database, dialect: Dialect, words: Words) -> None:
        self.database = database
        self.words = words
        self.instances = SqlInstances(database, dialect)
        self.projects = SqlProjects(database, dialect, words)
        self.tasks = SqlTasks(database, dialect, words)
        self.messages = MessageRecords(database, dialect, words)
        self.lessons = SqlLessons(database, dialect, words)
        self.roles = SqlRoles(database)
        self.events = SqlEvents(database, dialect)
        self.answers = SqlAnswers(database)
        self.originals = SqlOriginals(database)
        self.tokens = SqlTokens(database)
        self.webhooks = SqlWebhooks(database)
        self.oauth = SqlOAuth(database)
        self.watches = SqlWatches(database)
        self._search = Search(database, dialect, words)

    def role_known(self, name: str) -> bool:
        return self.roles.known(name)

    def search(self, query: SearchQuery) -> Sequence[Hit]:
        return self._search.hits(query)

    def mark(self) -> tuple[int | None, int]:
        """What :meth:`restore` needs when a savepoint is undone."""
        return self.words.mark(), len(self.events.appended)

    def restore(self, mark: tuple[int | None, int]) -> None:
        """Forgets what this object remembers of work that the database has just undone."""
        self.words.restore(mark[0])
        del self.events.appended[mark[1] :]

    def forget(self) -> None:
        """Forgets the whole transaction, which is over or undone."""
        self.restore((None, 0))
