"""Search by looking at everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homeport.coordination.addresses import Address
from homeport.coordination.lessons import Lesson
from homeport.coordination.messages import Message
from homeport.coordination.search import Hit, SearchQuery
from homeport.storage.memory.messages import channels_of
from homeport.storage.memory.tables import Tables
from homeport.storage.memory.words import all_occur, snippet

Found = tuple[Hit, str]
"""A hit without its snippet, and the text that it was found in."""


def search(tables: Tables, query: SearchQuery) -> Sequence[Hit]:
    """See :class:`homeport.coordination.store.Records`."""
    candidates = {"message": _messages, "task": _tasks, "lesson": _lessons, "project": _projects}[query.kind]
    hits = [
        Hit(hit.kind, hit.seq, hit.id, hit.title, snippet(query.words, text), hit.at, hit.project_id)
        for hit, text in candidates(tables, query)
        if (query.before is None or hit.seq < query.before) and all_occur(query.words, text)
    ]
    return sorted(hits, key=lambda hit: hit.seq, reverse=True)[: query.limit]


def text_of_lesson(lesson: Lesson) -> str:
    """The words that a lesson is found by."""
    return f"{lesson.type} \n {lesson.content} \n {lesson.context or ''}"


def _messages(tables: Tables, query: SearchQuery) -> Iterator[Found]:
    for one in tables.messages.values():
        project = next((address.value for address in one.to if address.kind == "project"), None)
        in_project = query.project_id is None or Address("project", query.project_id) in one.to
        if in_project and _may_see(one, query):
            yield (
                Hit("message", one.seq, one.id, one.subject, "", one.created_at, project),
                f"{one.subject} \n {one.body}",
            )


def _may_see(message: Message, query: SearchQuery) -> bool:
    if query.channels is None:
        return True
    return message.sender == query.reader or not channels_of(message).isdisjoint(query.channels)


def _tasks(tables: Tables, query: SearchQuery) -> Iterator[Found]:
    for one in tables.tasks.values():
        if query.project_id in (None, one.project_id):
            hit = Hit("task", one.seq, one.reference, one.title, "", one.created_at, one.project_id or None)
            yield hit, f"{one.title} \n {one.description}"


def _lessons(tables: Tables, query: SearchQuery) -> Iterator[Found]:
    for one in tables.lessons.values():
        if query.project_id in (None, one.project_id):
            yield Hit("lesson", one.seq, one.id, one.type, "", one.submitted_at, one.project_id), text_of_lesson(one)


def _projects(tables: Tables, query: SearchQuery) -> Iterator[Found]:
    for number, one in enumerate(tables.projects.values(), 1):
        if query.project_id in (None, one.id):
            yield (
                Hit("project", number, one.id, one.name, "", one.created_at, one.id),
                f"{one.name} \n {one.description}",
            )
