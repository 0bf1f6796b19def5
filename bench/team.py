"""Fills the data directory of a stopped Homeport as a large team would: ``python -m bench.team DATA MESSAGES``.

Besides the messages, 200 instances and 5,000 tasks in 20 projects, of every status, some of which wait for others.
"""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.agents import agent, text
from bench.fill import BEGINNING, fill
from homeport.coordination import projects, tasks
from homeport.coordination.instances import Instance
from homeport.coordination.projects import Project
from homeport.coordination.store import Records, Store
from homeport.coordination.tasks import Task
from homeport.identity import open_data_directory
from homeport.storage.sqlite import open_store

INSTANCES: Final = 200
TASKS: Final = 5_000
PROJECTS: Final = 20
ROLES: Final = ("developer", "tester", "reviewer", "operator", "architect")
BATCH: Final = 500
MINUTE: Final = 60_000
STATUSES: Final = ("pending", "pending", "in_progress", "claimed", "blocked", "completed", "completed", "completed")


async def gather(store: Store, count: int) -> None:
    """Messages as for other cases, then the team and its work."""
    await fill(store, count)
    now = BEGINNING + count * 1000

    def introduce(records: Records) -> None:
        for number in range(INSTANCES):
            seen = now - number * MINUTE
            records.instances.put(Instance(agent(number), ROLES[number % len(ROLES)], "active", BEGINNING, seen))
        for number in range(PROJECTS):
            project = Project(f"project-{number}", f"Project {number}", "What it is for.", "active", "medium", now, now)
            projects.create(
                records, project, tuple(agent(one) for one in range(number, INSTANCES, PROJECTS)), None, now
            )

    def plan(records: Records, first: int) -> None:
        chance = random.Random(first)  # noqa: S311 - texts, no secrets
        for number in range(first, first + BATCH):
            status = STATUSES[number % len(STATUSES)]
            project, at = f"project-{number % PROJECTS}", now + number
            earlier = number - PROJECTS
            task = Task(
                project_id=project,
                id=f"task-{number}",
                title=f"Task {number}: {text(chance, 40)}",
                description=text(chance, 300),
                status="pending",
                priority=("critical", "high", "medium", "low")[number % 4],
                created_at=at,
                updated_at=at,
                dependencies=(f"task-{earlier}",) if earlier >= 0 and number % 3 == 0 else (),
            )
            stored = tasks.create(records, task, None, at)
            if status != "pending":
                records.tasks.update(_moved(stored, status, agent(number % INSTANCES), at))

    await store.write(introduce)
    for first in range(0, TASKS, BATCH):
        await store.write(lambda records, first=first: plan(records, first))  # type: ignore[misc]  # bound at once
    while await store.tidy():
        pass


def _moved(task: Task, status: str, holder: str, at: int) -> Task:
    ended = at if status == "completed" else None
    # No lease: a server that starts later on must not take all that is held back.
    return replace(task, status=status, assigned_to=holder, claimed_at=at, completed_at=ended)


async def main(directory: Path, count: int) -> None:
    """Opens the data as a server of the environment ``bench`` would, and fills them."""
    with open_data_directory(directory, "bench"):
        store = await open_store(directory)
        try:
            await gather(store, count)
        finally:
            await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
