"""The ``Store`` port: what the domain asks of storage. Adapters are in :mod:`homeport.storage`.

Work is a plain function over :class:`Records`. A store runs it in a transaction, may run it again when the
database asks for that (a serialisation failure), and answers only when what it wrote is durable. So work
must have no effect but on its records.

All lists are in a fixed order and continue after a position (:class:`~homeport.coordination.values.Page`):
instances by ``id``, projects by ``id``, tasks by (priority, ``seq``), inboxes and messages newest first by ``seq``,
lessons newest first by ``seq``, events oldest first by ``seq``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from homeport.coordination.events import Event, EventFilter
from homeport.coordination.idempotency import Answer
from homeport.coordination.instances import Instance, InstanceFilter
from homeport.coordination.lessons import Lesson, LessonFilter, LessonPattern, Submission
from homeport.coordination.messages import Delivery, InboxCounts, InboxQuery, Message, MessageFilter
from homeport.coordination.oauth import Client, Credential, Grant
from homeport.coordination.originals import Original
from homeport.coordination.projects import Project, ProjectFilter
from homeport.coordination.roles import Role, RoleDocument
from homeport.coordination.search import Hit, SearchQuery
from homeport.coordination.tasks import Task, TaskFilter
from homeport.coordination.tokens import Token
from homeport.coordination.values import Millis, Page
from homeport.coordination.webhooks import Webhook

T = TypeVar("T")


class Instances(Protocol):
    """Instances by id."""

    def get(self, instance_id: str) -> Instance | None: ...
    def exists(self, instance_id: str) -> bool: ...
    def put(self, instance: Instance) -> None:
        """Inserts it, or replaces the one of its id."""

    def touch(self, instance_id: str, now: Millis) -> None:
        """Sets ``last_seen_at``, and ``status`` from ``inactive`` back to ``active``; never back in time."""

    def select(self, which: InstanceFilter, page: Page) -> Sequence[Instance]: ...
    def count(self, which: InstanceFilter) -> int: ...
    def ids(self) -> list[str]:
        """All ids, sorted."""

    def ids_with_role(self, role: str) -> list[str]:
        """The ids of all who have the role, in any case, sorted."""


class Projects(Protocol):
    """Projects by id, and their members."""

    def get(self, project_id: str) -> Project | None: ...
    def put(self, project: Project) -> None: ...
    def delete(self, project_id: str) -> None:
        """Removes the project, its tasks and its memberships."""

    def select(self, which: ProjectFilter, page: Page) -> Sequence[Project]: ...
    def count(self, which: ProjectFilter) -> int: ...
    def ids(self) -> list[str]: ...
    def members(self, project_id: str) -> list[str]:
        """Instance ids, sorted."""

    def projects_of(self, instance_id: str) -> list[str]: ...
    def add_member(self, project_id: str, instance_id: str, now: Millis) -> bool:
        """Whether it was not one before."""

    def remove_member(self, project_id: str, instance_id: str) -> bool: ...


class Tasks(Protocol):
    """Tasks by project and id."""

    def get(self, project_id: str, task_id: str) -> Task | None: ...
    def find(self, task_id: str) -> Sequence[Task]:
        """The tasks of that id in all projects."""

    def add(self, task: Task) -> Task:
        """Inserts a task; the answer has its ``seq``."""

    def update(self, task: Task) -> None:
        """Replaces the task of the same project and id."""

    def select(self, which: TaskFilter, page: Page) -> Sequence[Task]: ...
    def count(self, which: TaskFilter) -> int: ...
    def counts(self) -> dict[tuple[str, str], int]:
        """How many tasks there are by (project id, status)."""

    def held_by(self, instance_id: str) -> Sequence[Task]:
        """Claimed, in progress or blocked with that holder, the oldest claim first."""

    def holders(self, project_id: str) -> list[str]:
        """Who holds a task of the project."""

    def expired(self, now: Millis, limit: int) -> Sequence[Task]:
        """Held tasks with a lease that ended at or before ``now``."""

    def renew_leases(self, instance_id: str, until: Millis) -> int:
        """Moves the end of every lease of the holder (that it still holds, and that is not null) to ``until``."""

    def unfinished_dependencies(self, task: Task) -> list[str]:
        """The references of the tasks that it depends on and that are not completed."""

    def next_claimable(self, instance_id: str, role: str, projects: tuple[str, ...] | None) -> Task | None:
        """The best pending task without unfinished dependencies that this instance may take.

        Unassigned or assigned to it, for its role or for any, in one of the projects (``None``: in all); its
        own assignments first, then by priority, then by ``seq``.
        """


class Messages(Protocol):
    """Messages, and one delivery for each reader of each."""

    def add(self, message: Message, recipients: Sequence[str]) -> Message:
        """Inserts a message, its channels, its deliveries and its words; the answer has its ``seq``."""

    def get(self, message_id: str) -> Message | None: ...
    def delete(self, seq: int) -> None:
        """Removes it with its deliveries, channels and words."""

    def deliver_backlog(self, reader: str, channels: Sequence[str]) -> int:
        """Delivers the messages on these channels that the reader neither has nor sent; says how many."""

    def delivery(self, reader: str, seq: int) -> Delivery | None: ...
    def deliveries(self, seq: int, limit: int = 1000) -> Sequence[Delivery]:
        """A message's deliveries, by reader."""

    def inbox(self, query: InboxQuery, page: Page) -> Sequence[Delivery]: ...
    def arrivals(self, reader: str, after: int, *, unread_only: bool, limit: int) -> Sequence[Delivery]:
        """Unarchived deliveries with a ``number`` over ``after``, oldest number first."""

    def last_arrival(self, reader: str) -> int:
        """The greatest ``number`` that was ever delivered to the reader, 0 when there is none."""

    def inbox_counts(self, reader: str) -> InboxCounts:
        """In constant time."""

    def set_read(self, reader: str, seq: int, at: Millis | None) -> None: ...
    def set_archived(self, reader: str, seq: int, at: Millis | None) -> None: ...
    def select(self, which: MessageFilter, page: Page) -> Sequence[Message]: ...
    def count(self, which: MessageFilter) -> int: ...


class Lessons(Protocol):
    """Lessons and the submissions that they came in."""

    def add(self, submission: Submission, lessons: Sequence[Lesson]) -> None:
        """Inserts all; each lesson gets its ``seq`` and its words."""

    def submission(self, submission_id: str) -> Submission | None: ...
    def submissions(self, page: Page) -> Sequence[Submission]:
        """By id."""

    def of_submission(self, submission_id: str) -> Sequence[Lesson]:
        """In the order in which they were given."""

    def get(self, seq: int) -> Lesson | None: ...
    def has_project(self, project_id: str) -> bool: ...
    def select(self, which: LessonFilter, page: Page) -> Sequence[Lesson]: ...
    def count(self, which: LessonFilter) -> int: ...
    def relevant(self, text: str, project_id: str | None, limit: int) -> Sequence[Lesson]:
        """Lessons that share words with ``text`` (any of them), then the project's most confident ones.

        Those that share words come first: the project's before others', then by how much they share.
        """

    def patterns(self, project_id: str | None) -> Sequence[LessonPattern]:
        """By project, then the most frequent type first."""


class Roles(Protocol):
    """Roles by name, in any case."""

    def get(self, name: str) -> Role | None: ...
    def all(self) -> Sequence[Role]: ...
    def put(self, role: Role) -> None: ...
    def documents(self, role_name: str) -> Sequence[RoleDocument]:
        """By name."""

    def put_document(self, document: RoleDocument) -> None: ...


class Events(Protocol):
    """What happened, in order."""

    def append(self, event: Event) -> Event:
        """The answer has its ``seq``, which is greater than that of every event that was ever visible."""

    def select(self, which: EventFilter, after: int, limit: int) -> Sequence[Event]: ...
    def recent(self, which: EventFilter, before: int | None, limit: int) -> Sequence[Event]:
        """Newest first, those before a ``seq`` or all."""

    def last(self) -> int:
        """The ``seq`` of the newest event, 0 when there is none."""


class Answers(Protocol):
    """First answers by operation and idempotency key."""

    def get(self, operation: str, key: str) -> Answer | None: ...
    def put(self, answer: Answer) -> None: ...
    def forget(self, before: Millis) -> int: ...


class Originals(Protocol):
    """Records of imported data exactly as they stood in their files, so that an export can give them back."""

    def get(self, kind: str, key: str) -> Original | None: ...
    def put(self, original: Original) -> None:
        """Inserts it, or replaces the one of its kind and key."""

    def all(self, kind: str | None = None) -> Iterator[Original]:
        """By path, then by position."""


class Tokens(Protocol):
    """What is kept of tokens, by id."""

    def get(self, token_id: str) -> Token | None: ...
    def put(self, token: Token) -> None:
        """Inserts it, or replaces the one of its id."""

    def touch(self, token_id: str, now: Millis) -> None:
        """Sets ``last_used_at``, never back in time."""

    def all(self) -> Sequence[Token]:
        """The oldest first, then by id."""


class Webhooks(Protocol):
    """Webhooks by id."""

    def get(self, webhook_id: str) -> Webhook | None: ...
    def all(self) -> Sequence[Webhook]:
        """The oldest first."""

    def parked(self) -> list[str]:
        """The ids of those that are parked, the oldest first."""

    def put(self, webhook: Webhook) -> None:
        """Inserts it, or replaces the one of its id."""

    def delete(self, webhook_id: str) -> None: ...


class OAuth(Protocol):
    """Clients and grants by id, credentials by digest; to put one replaces the one that was there."""

    def client(self, client_id: str) -> Client | None: ...
    def clients(self) -> Sequence[Client]:
        """The oldest first."""

    def put_client(self, client: Client) -> None: ...
    def delete_client(self, client_id: str) -> None: ...
    def grant(self, grant_id: str) -> Grant | None: ...
    def grants_of(self, token_id: str) -> Sequence[Grant]:
        """The oldest first."""

    def put_grant(self, grant: Grant) -> None: ...
    def credential(self, digest: str) -> Credential | None: ...
    def put_credential(self, credential: Credential) -> None: ...
    def forget(self, before: Millis) -> None:
        """Deletes credentials that expired by then, and grants that have none left."""


class Watches(Protocol):
    """What sessions subscribed to, by session and URI."""

    def of(self, session: str) -> list[str]:
        """The URIs of one session, sorted."""

    def count(self, client: str) -> int:
        """How many there are of one client's sessions."""

    def put(self, client: str, session: str, uri: str, now: Millis) -> None:
        """Inserts one, or replaces it."""

    def delete(self, session: str, uri: str) -> None: ...
    def drop(self, session: str) -> None:
        """Deletes all of one session."""

    def touch(self, session: str, now: Millis) -> None:
        """Notes that the session was seen, never back in time."""

    def forget(self, before: Millis) -> None:
        """Deletes those of sessions that were last seen by then."""


class Records(Protocol):
    """All records within one transaction."""

    @property
    def instances(self) -> Instances: ...
    @property
    def projects(self) -> Projects: ...
    @property
    def tasks(self) -> Tasks: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def lessons(self) -> Lessons: ...
    @property
    def roles(self) -> Roles: ...
    @property
    def events(self) -> Events: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def originals(self) -> Originals: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def oauth(self) -> OAuth: ...
    @property
    def watches(self) -> Watches: ...
    def role_known(self, name: str) -> bool:
        """Whether a role of that name is defined or held by an instance, in any case."""

    def search(self, query: SearchQuery) -> Sequence[Hit]:
        """Newest first."""


Listener = Callable[[Sequence[Event]], None]
"""Called in the event loop with events that have just become durable, in order; must return at once."""


class Store(Protocol):
    """Durable records, shared by everything that one environment's server does."""

    @property
    def schema_version(self) -> str:
        """The revision of the schema that is open."""

    async def read(self, work: Callable[[Records], T]) -> T:
        """Runs short work on a consistent view that holds all that was acknowledged before.

        Raises:
            CallError: whatever the work raises, and UnavailableError when the database cannot be read.
        """

    async def scan(self, work: Callable[[Records], T]) -> T:
        """The same for work that may take long: it holds up neither readers nor writers."""

    async def write(self, work: Callable[[Records], T]) -> T:
        """Runs work in a transaction of its own; when this returns, what it wrote is durable.

        An exception of the work undoes its writes alone.

        Raises:
            UnavailableError: the disk is full, read-only or failing, or the database was busy for too long;
                nothing of the work is stored.
        """

    async def probe(self) -> None:
        """Proves that a write becomes durable and can be read again.

        Raises:
            UnavailableError: it does not; the sentence says why.
        """

    async def tidy(self) -> bool:
        """Does a little of what keeps reading quick; whether there is more of it to be done now.

        Raises:
            UnavailableError: as for :meth:`write`.
        """

    async def size(self) -> int | None:
        """How many bytes the records and their log take; None where that cannot be seen now."""

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Calls ``listener`` for every event from now on, whichever process wrote it; the answer ends that."""

    async def close(self) -> None:
        """Lets what is under way finish, then lets go of the data."""
