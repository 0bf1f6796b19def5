"""All that the store holds, in dictionaries of values that never change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, TypeVar

from homeport.coordination.events import Event
from homeport.coordination.idempotency import Answer
from homeport.coordination.instances import Instance
from homeport.coordination.lessons import Lesson, Submission
from homeport.coordination.messages import Delivery, Message
from homeport.coordination.oauth import Client, Credential, Grant
from homeport.coordination.originals import Original
from homeport.coordination.projects import Project
from homeport.coordination.roles import Role, RoleDocument
from homeport.coordination.tasks import Task
from homeport.coordination.tokens import Token
from homeport.coordination.values import Millis
from homeport.coordination.webhooks import Webhook

T = TypeVar("T")


@dataclass
class Tables:
    """The dictionaries. None holds anything that changes in place, so a shallow copy of each is a snapshot."""

    instances: dict[str, Instance] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    members: dict[tuple[str, str], Millis] = field(default_factory=dict)
    """When who joined, by (project, instance)."""
    tasks: dict[tuple[str, str], Task] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    message_seqs: dict[str, int] = field(default_factory=dict)
    deliveries: dict[tuple[str, int], Delivery] = field(default_factory=dict)
    last_arrivals: dict[str, int] = field(default_factory=dict)
    """The greatest number that a reader ever got; a deleted message does not lower it."""
    submissions: dict[str, Submission] = field(default_factory=dict)
    lessons: dict[int, Lesson] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    """By the name in one case."""
    documents: dict[tuple[str, str], RoleDocument] = field(default_factory=dict)
    events: dict[int, Event] = field(default_factory=dict)
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    originals: dict[tuple[str, str], Original] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    oauth_clients: dict[str, Client] = field(default_factory=dict)
    oauth_grants: dict[str, Grant] = field(default_factory=dict)
    oauth_credentials: dict[str, Credential] = field(default_factory=dict)
    """By digest."""
    watches: dict[tuple[str, str], tuple[str, Millis]] = field(default_factory=dict)
    """Whose, and when its session was last seen, by (session, URI)."""
    numbers: dict[str, int] = field(default_factory=dict)
    """The last number that was given in each sequence; rows that are gone keep theirs."""

    def copied(self) -> Tables:
        """A copy that can be changed and thrown away."""
        return Tables(**{one.name: dict(getattr(self, one.name)) for one in fields(self)})

    def read_only(self) -> Tables:
        """A view in which every change is a TypeError: what reads must not write."""
        views: dict[str, Any] = {one.name: MappingProxyType(getattr(self, one.name)) for one in fields(self)}
        return Tables(**views)

    def next_number(self, sequence: str) -> int:
        """The next number of a sequence."""
        self.numbers[sequence] = self.numbers.get(sequence, 0) + 1
        return self.numbers[sequence]


def overlap(wanted: Sequence[str], present: Iterable[str]) -> bool:
    """Whether one of the wanted is present; nothing wanted is no condition."""
    return not wanted or not set(wanted).isdisjoint(present)
