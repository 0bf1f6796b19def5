"""Values of the domain with as little said as a test needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from homeport.coordination.addresses import Address
from homeport.coordination.events import Event
from homeport.coordination.instances import Instance
from homeport.coordination.lessons import Lesson, Submission
from homeport.coordination.messages import Message
from homeport.coordination.projects import Project
from homeport.coordination.tasks import Task
from tests.support.desk import START


def instance(id: str, **said: Any) -> Instance:
    return replace(Instance(id, "developer", "active", START, START), **said)


def project(id: str, **said: Any) -> Project:
    return replace(Project(id, f"Name of {id}", "", "active", "medium", START, START), **said)


def task(id: str, **said: Any) -> Task:
    return replace(Task("", id, f"Title of {id}", "", "pending", "medium", START, START), **said)


def held(id: str, by: str, **said: Any) -> Task:
    """A claimed task with a lease of a minute."""
    return task(
        id, **{"status": "claimed", "assigned_to": by, "claimed_at": START, "lease_expires_at": START + 60_000} | said
    )


def message(id: str, to: Iterable[Address | str] = ("bob",), **said: Any) -> Message:
    addresses = tuple(one if isinstance(one, Address) else Address("instance", one) for one in to)
    return replace(Message(0, id, "ann", addresses, f"Subject of {id}", "", "message", "normal", "sent", START), **said)


def submission(id: str, **said: Any) -> Submission:
    return replace(Submission(id, "p", "ann", START), **said)


def lesson(id: str, of: Submission, **said: Any) -> Lesson:
    first = Lesson(0, id, of.id, of.project_id, of.instance_id, of.submitted_at, "pattern", f"Content of {id}")
    return replace(first, **said)


def event(kind: str = "task.created", **said: Any) -> Event:
    return replace(Event(0, START, kind), **said)
