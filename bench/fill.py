"""Fills the data directory of a stopped Homeport with messages: ``python -m bench.fill DATA COUNT``.

Through the domain and the store, as a server would, but a thousand messages in each transaction.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path
from typing import Final

from bench.agents import agent, text
from homeport.coordination import messages
from homeport.coordination.instances import Instance
from homeport.coordination.messages import Draft
from homeport.coordination.store import Records, Store
from homeport.coordination.values import RandomIds
from homeport.identity import open_data_directory
from homeport.storage.sqlite import open_store

READERS: Final = 50
BATCH: Final = 1000
RARE_MESSAGES: Final = 5
SECOND: Final = 1000
BEGINNING: Final = 1_764_892_800_000

COMMON: Final = "everywhere"
RARE: Final = "zanzibar"
FIFTH: Final = "amber"
"""In every fifth message; together with :data:`FOURTH` in every twentieth."""
FOURTH: Final = "cobalt"
NEVER_WITH_FIFTH: Final = "crimson"
"""In every fifth message too, but never in the same."""


def content(number: int, count: int, chance: random.Random) -> str:
    """The text of a message among so many: 400 bytes, and the words that searches look for."""
    words = [COMMON]
    if number * RARE_MESSAGES // count != (number + 1) * RARE_MESSAGES // count:
        words.append(RARE)
    if number % 5 == 0:
        words.append(FIFTH)
    if number % 5 == 1:
        words.append(NEVER_WITH_FIFTH)
    if number % 4 == 0:
        words.append(FOURTH)
    return f"{text(chance, 400)} {' '.join(words)}"


async def fill(store: Store, count: int) -> None:
    """Registers the readers and sends each its share."""
    ids = RandomIds()

    def introduce(records: Records) -> None:
        for number in range(READERS):
            records.instances.put(Instance(agent(number), "developer", "active", BEGINNING, BEGINNING))

    def send(records: Records, first: int) -> None:
        chance = random.Random(first)  # noqa: S311 - texts, no secrets
        for number in range(first, min(first + BATCH, count)):
            draft = Draft(
                sender=agent((number + 7) % READERS),
                to=agent(number % READERS),
                subject=f"news {number}",
                body=content(number, count, chance),
            )
            messages.send(records, draft, ids, BEGINNING + number * SECOND)

    await store.write(introduce)
    for first in range(0, count, BATCH):
        await store.write(lambda records, first=first: send(records, first))  # type: ignore[misc]  # bound at once
    # As the server would by itself in its first minute, while it is being measured.
    while await store.tidy():
        pass


async def main(directory: Path, count: int) -> None:
    """Opens the data as a server of the environment ``bench`` would, and fills them."""
    with open_data_directory(directory, "bench"):
        store = await open_store(directory)
        try:
            await fill(store, count)
        finally:
            await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
