"""Export: the files of a json-v1 directory, from records.

A record that was imported starts from what it was, and only what has changed since is changed in it; so an
export right after an import gives the same directory back. What is new goes where the earlier server would have
put it, in its shapes; what was deleted is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from homeport.coordination.instances import InstanceFilter
from homeport.coordination.lessons import Lesson, Submission
from homeport.coordination.projects import ProjectFilter
from homeport.coordination.store import Records
from homeport.coordination.tasks import PRIORITIES, TaskFilter
from homeport.coordination.values import Page
from homeport.exchange.json_v1 import instances, layout, lessons, projects, roles, tasks
from homeport.exchange.json_v1.drafts import Drafts
from homeport.exchange.json_v1.exporting_messages import export_messages
from homeport.exchange.json_v1.intake import since
from homeport.exchange.json_v1.jsontext import Json
from homeport.exchange.json_v1.layout import Kind, Place
from homeport.exchange.json_v1.ledger import Entry, Ledger
from homeport.exchange.json_v1.report import Count, Report
from homeport.exchange.json_v1.shapes import Context, Notes

T = TypeVar("T")
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Exported:
    """The files of an export, each with its path relative to the directory, and how much there is in them."""

    files: tuple[tuple[str, bytes], ...]
    report: Report


def export_directory(records: Records) -> Exported:
    """Makes the files of a json-v1 directory. Pure; all paths are safe to be joined to a directory.

    Args:
        records: of one consistent view.
    """
    export = _Export(records)
    export.run()
    files = tuple(export.drafts.files())
    counts = {
        "instances": records.instances.count(InstanceFilter()),
        "projects": records.projects.count(ProjectFilter()),
        "tasks": records.tasks.count(TaskFilter()),
        "messages": export.messages,
        "lessons": export.lessons,
        "submissions": export.submissions,
        "roles": len(records.roles.all()),
        "documents": sum(len(records.roles.documents(role.name)) for role in records.roles.all()),
    }
    found = {noun: Count(read=number) for noun, number in counts.items()}
    return Exported(files, Report("export", counts=found, files=len(files)))


class _Export:
    """One export under way."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.drafts = Drafts()
        self.messages = self.lessons = self.submissions = 0
        self._ledger = Ledger(records)
        self._envelopes = self._ledger.envelopes()
        self._entries: dict[str, list[Entry]] = {}
        for entry in self._ledger.entries():
            self._entries.setdefault(entry.kind, []).append(entry)

    def run(self) -> None:
        for path, envelope in self._envelopes.items():
            self.drafts.known(path, self._ledger.place(path), envelope)
        self._instances()
        self._projects()
        self._tasks()
        self._roles()
        self._lessons()
        self.messages = export_messages(self.records, self._ledger, self.drafts, self._entries.get(Kind.MESSAGES, []))

    def _imported(self, kind: Kind, encode: Callable[[Entry], tuple[Json, int] | None]) -> set[str]:
        """Puts imported records where they were. ``encode`` gives one as it is now with the time of its last change.

        Returns:
            The keys of all that were imported.
        """
        keys = set()
        for entry in self._entries.get(kind, []):
            draft = self.drafts.known(entry.path, self._ledger.place(entry.path), {})
            if not entry.key:
                draft.put(entry.record)
                continue
            keys.add(entry.key)
            now = encode(entry)
            if now is None:
                draft.touch()
            else:
                draft.put(now[0], changed=now[0] is not entry.record, at=now[1])
        return keys

    def _context(self, entry: Entry, identity: str, owner: str = "") -> Context:
        return Context(identity, owner, since(self._envelopes.get(entry.path)))

    def _instances(self) -> None:
        held: Counter[str] = Counter()

        def encode(entry: Entry) -> tuple[Json, int] | None:
            now = self.records.instances.get(entry.key)
            if now is None:
                return None
            then = instances.decode(entry.record, self._context(entry, entry.key), Notes())
            return instances.SHAPE.patched(entry.record, then, now), now.last_seen_at

        keys = self._imported(Kind.INSTANCES, encode)
        for one in _all(lambda page: self.records.instances.select(InstanceFilter(), page), lambda one: (one.id,)):
            if one.id not in keys:
                held[one.id] = len(self.records.tasks.held_by(one.id))
                draft = self.drafts.at(layout.INSTANCES, Place(Kind.INSTANCES), one.created_at)
                draft.put(instances.encode(one, held[one.id]), changed=True, at=one.last_seen_at)

    def _projects(self) -> None:
        registered = self.records.instances.ids()

        def encode(entry: Entry) -> tuple[Json, int] | None:
            now = self.records.projects.get(entry.key)
            if now is None:
                return None
            then = projects.decode(entry.record, self._context(entry, entry.key), Notes())
            record = projects.SHAPE.patched(entry.record, then, now)
            members = self.records.projects.members(now.id)
            return projects.with_members(record, members, registered), now.updated_at

        keys = self._imported(Kind.MANIFEST, encode)
        for one in _all(lambda page: self.records.projects.select(ProjectFilter(), page), lambda one: (one.id,)):
            if one.id not in keys:
                draft = self.drafts.at(layout.MANIFEST, Place(Kind.MANIFEST), one.created_at)
                members = self.records.projects.members(one.id)
                record = projects.with_members(projects.SHAPE.fresh(one.id, one), members, registered)
                draft.put(record, changed=True, at=one.updated_at)

    def _tasks(self) -> None:
        def encode(entry: Entry) -> tuple[Json, int] | None:
            project_id, _, task_id = entry.key.partition("/")
            now = self.records.tasks.get(project_id, task_id)
            if now is None:
                return None
            then = tasks.decode(entry.record, self._context(entry, task_id, project_id), Notes())
            now = tasks.as_named(now, then.dependencies)
            return tasks.SHAPE.patched(entry.record, then, now), now.updated_at

        keys = self._imported(Kind.TASKS, encode)
        rows = _all(
            lambda page: self.records.tasks.select(TaskFilter(), page),
            lambda one: (PRIORITIES.index(one.priority), one.seq),
        )
        for one in sorted(rows, key=lambda one: one.seq):
            if f"{one.project_id}/{one.id}" not in keys:
                path = layout.tasks_path(one.project_id)
                draft = self.drafts.at(path, Place(Kind.TASKS, one.project_id), one.created_at)
                draft.put(tasks.encode(tasks.as_named(one, ())), changed=True, at=one.updated_at)

    def _roles(self) -> None:
        keys = self._imported(Kind.ROLES, lambda entry: (entry.record, 0))
        documents = self._imported(Kind.DOCUMENT, lambda entry: (entry.record, 0))
        for role in self.records.roles.all():
            # A role without a description is there for its documents alone, and was in no file.
            if role.name not in keys and role.description:
                self.drafts.at(layout.ROLES, Place(Kind.ROLES)).put(roles.encode(role), changed=True)
            for document in self.records.roles.documents(role.name):
                if f"{document.role}/{document.name}" not in documents:
                    path = layout.document_path(role.name, document.name)
                    self.drafts.at(path, Place(Kind.DOCUMENT, role.name)).put(document.text, changed=True)

    def _lessons(self) -> None:
        keys = self._imported(Kind.LESSONS, lambda entry: (entry.record, 0))
        added: list[tuple[Submission, Sequence[Lesson]]] = []
        for one in _all(self.records.lessons.submissions, lambda one: (one.id,)):
            learned = self.records.lessons.of_submission(one.id)
            self.submissions += 1
            self.lessons += len(learned)
            if one.id not in keys:
                added.append((one, learned))
        added.sort(key=lambda pair: (pair[0].submitted_at, pair[0].id))
        for submission, learned in added:
            path = layout.lessons_path(submission.project_id)
            draft = self.drafts.at(path, Place(Kind.LESSONS, submission.project_id), submission.submitted_at)
            draft.put(lessons.encode(submission, learned), changed=True, at=submission.submitted_at)
        if added:
            index = self.drafts.at(layout.LESSONS_INDEX, Place(Kind.LESSONS_INDEX))
            index.envelope = lessons.indexed(index.envelope, added)


def _all(select: Callable[[Page], Sequence[T]], position: Callable[[T], tuple[int | str, ...]]) -> Iterator[T]:
    """All rows of a list, page by page."""
    after: tuple[int | str, ...] | None = None
    while True:
        rows = select(Page(_PAGE, after))
        yield from rows
        if len(rows) < _PAGE:
            return
        after = position(rows[-1])
