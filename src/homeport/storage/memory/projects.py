"""Projects and memberships in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence

from homeport.coordination.projects import Project, ProjectFilter
from homeport.coordination.values import Millis, Page
from homeport.storage.memory.paging import following
from homeport.storage.memory.tables import Tables, overlap


class MemoryProjects:
    """See :class:`homeport.coordination.store.Projects`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, project_id: str) -> Project | None:
        return self._tables.projects.get(project_id)

    def put(self, project: Project) -> None:
        self._tables.projects[project.id] = project

    def delete(self, project_id: str) -> None:
        self._tables.projects.pop(project_id, None)
        for member in self.members(project_id):
            del self._tables.members[project_id, member]
        for key in [key for key in self._tables.tasks if key[0] == project_id]:
            del self._tables.tasks[key]

    def select(self, which: ProjectFilter, page: Page) -> Sequence[Project]:
        return following(self._matching(which), lambda one: (one.id,), page)

    def count(self, which: ProjectFilter) -> int:
        return len(self._matching(which))

    def ids(self) -> list[str]:
        return sorted(self._tables.projects)

    def members(self, project_id: str) -> list[str]:
        return sorted(member for project, member in self._tables.members if project == project_id)

    def projects_of(self, instance_id: str) -> list[str]:
        return sorted(project for project, member in self._tables.members if member == instance_id)

    def add_member(self, project_id: str, instance_id: str, now: Millis) -> bool:
        if (project_id, instance_id) in self._tables.members:
            return False
        self._tables.members[project_id, instance_id] = now
        return True

    def remove_member(self, project_id: str, instance_id: str) -> bool:
        return self._tables.members.pop((project_id, instance_id), None) is not None

    def _matching(self, which: ProjectFilter) -> list[Project]:
        return [
            one
            for one in self._tables.projects.values()
            if which.status in (None, one.status)
            and which.priority in (None, one.priority)
            and overlap(which.tags, one.tags)
        ]
