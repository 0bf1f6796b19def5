"""What always holds of records, whoever did what to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from homeport.coordination.addresses import channels_of
from homeport.coordination.events import Event, EventFilter
from homeport.coordination.instances import InstanceFilter
from homeport.coordination.messages import InboxCounts, InboxQuery, MessageFilter
from homeport.coordination.store import Records
from homeport.coordination.tasks import HELD, Task, TaskFilter
from homeport.coordination.values import Page

ALL = Page(10_000)


def inboxes_are_right(records: Records, readers: Sequence[str]) -> None:
    """Counts are what counting finds; each message is with each reader once, under a number of its own."""
    numbers: list[int] = []
    for reader in readers:
        lying = records.messages.inbox(InboxQuery(reader), ALL)
        unread = records.messages.inbox(InboxQuery(reader, unread_only=True), ALL)
        archived = records.messages.inbox(InboxQuery(reader, archived=True), ALL)
        assert records.messages.inbox_counts(reader) == InboxCounts(len(lying), len(unread)), reader
        seqs = [one.message.seq for one in [*lying, *archived]]
        assert len(seqs) == len(set(seqs)), reader
        numbers += [one.number for one in [*lying, *archived]]
        assert max((one.number for one in [*lying, *archived]), default=0) <= records.messages.last_arrival(reader)
    assert len(numbers) == len(set(numbers))


def everybody_has_its_messages(records: Records) -> None:
    """Whoever listens on a channel has every message on it but its own."""
    sent = records.messages.select(MessageFilter(), ALL)
    for instance in records.instances.select(InstanceFilter(), ALL):
        channels = set(channels_of(instance.id, instance.role, records.projects.projects_of(instance.id)))
        for message in sent:
            if message.sender != instance.id and channels & {address.channel for address in message.to}:
                assert records.messages.delivery(instance.id, message.seq), (instance.id, message.id)


@dataclass
class Fences:
    """The fences and holders of all tasks as they were last seen."""

    seen: dict[int, tuple[int, str | None]] = field(default_factory=dict)

    def check(self, tasks: Sequence[Task]) -> None:
        """A fence never falls, and is another for another holder."""
        for task in tasks:
            fence, holder = self.seen.get(task.seq, (0, None))
            assert task.fence >= fence, task
            if task.holder is not None and task.holder != holder:
                assert task.fence > fence, task
            self.seen[task.seq] = task.fence, task.holder


def tasks_are_right(records: Records) -> Sequence[Task]:
    """A held task has a holder, a free one no lease; the lists of holders say the same as the tasks."""
    tasks = records.tasks.select(TaskFilter(), ALL)
    for task in tasks:
        assert task.status in ("blocked", "pending", "completed") or task.holder is not None, task
        assert task.status in HELD or task.lease_expires_at is None, task
        assert task.status != "completed" or task.completed_at is not None, task
        if task.holder is not None:
            assert task in records.tasks.held_by(task.holder)
            assert task.holder in records.tasks.holders(task.project_id)
    assert sum(records.tasks.counts().values()) == len(tasks)
    return tasks


def history(records: Records) -> list[Event]:
    """All events, without their numbers, which only have to grow."""
    found = records.events.select(EventFilter(), 0, 100_000)
    numbers = [event.seq for event in found]
    assert numbers == sorted(set(numbers))
    return [Event(0, one.at, one.kind, one.actor, one.subject, one.project_id, one.audience, one.data) for one in found]
