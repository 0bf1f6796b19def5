"""Data with something of everything in them, secrets too, as an environment has them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from homeport.contract import DatabaseAddress
from homeport.coordination.oauth import Client, Credential, Grant
from homeport.coordination.originals import Original
from homeport.coordination.roles import Role, RoleDocument
from homeport.coordination.store import Records, Store
from homeport.identity import end_beginning, open_data_directory
from homeport.storage.dumps.cluster import Cluster
from homeport.storage.dumps.stamps import stamp
from homeport.storage.postgres import open_store as open_database
from homeport.storage.sqlite import open_store
from tests.support.credentials import issued
from tests.support.desk import START, Desk, opened

PRIVATE: Final = (
    *("Quartzite", "Marmalade", "Zephyrine", "Obsidianite", "Velociraptor", "Kumquats", "Wörterbuch", "Tourmaline"),
    *("Gallimaufry", "Rhododendron", "Sassafras", "Bandersnatch", "Jabberwocky", "Persiflage"),
)
"""Words that occur in what people wrote and nowhere else."""
NAME: Final = "Peregrination"
"""In the name of a project."""


@dataclass(frozen=True)
class Written:
    """What must not be in a copy for others: the secrets, and what identifies them."""

    token: str
    refresh: str
    webhook: str
    digests: tuple[str, ...]

    @property
    def secrets(self) -> tuple[str, ...]:
        """All of them."""
        return (self.token, self.refresh, self.webhook, *self.digests)


def write_data(data: Path, environment: str = "production", database: DatabaseAddress | None = None) -> Written:
    """Fills an empty data directory, or a database that it names."""
    return asyncio.run(_written(data, environment, database))


async def _written(data: Path, environment: str, database: DatabaseAddress | None) -> Written:
    with open_data_directory(data, environment) as identity:
        store: Store = await (open_store(data) if database is None else open_database(database, identity))
        if database is not None:
            stamp(data, Cluster(database))
            end_beginning(data)
        async with opened(store) as desk:
            token, text = await issued(store, environment=environment)
            refresh, other = await issued(store, "refresh", environment=environment)
            await _talk(desk, text, other)
            hook = await desk.call("create_webhook", url="https://example.com/h", idempotency_key="hook")
            await store.write(lambda records: _more(records, token.id))
            secret: str = hook["webhook"]["secret"]
    return Written(text, other, secret, (token.digest, refresh.digest, "feed" * 16))


async def _talk(desk: Desk, token: str, refresh: str) -> None:
    words = iter(PRIVATE)
    await desk.join("ada", "bob")
    await desk.call("update_heartbeat", instanceId="ada", metadata={"mood": next(words), "key": refresh})
    await desk.call("create_project", id="p1", name=NAME, description=next(words), metadata={"note": next(words)})
    task = {"id": "t1", "project_id": "p1", "title": next(words), "description": next(words)}
    await desk.call("create_task", **task, estimated_effort=next(words), metadata={"of": [next(words), 7]})
    await desk.call("claim_task", project_id="p1", id="t1", instanceId="ada")
    updates = {"status": "in_progress", "completion_notes": next(words)}
    await desk.call("update_task", project_id="p1", id="t1", instanceId="ada", updates=updates)
    await desk.call(
        "send_message",
        from_="ada",
        to="bob",
        subject=next(words),
        content=f"{next(words)}. My token is {token}, and the rest is harmless.",
        metadata={"deep": {"er": next(words)}},
    )
    lesson = {"type": "pattern", "content": next(words), "context": next(words)}
    await desk.call("submit_lessons", project_id="p1", instance_id="ada", lessons=[lesson])
    await desk.call("deactivate_instance", instanceId="bob", reason=next(words))


def _more(records: Records, token_id: str) -> None:
    records.oauth.put_client(Client("c1", "A client", ("https://example.com/cb",), START))
    records.oauth.put_grant(Grant("g1", "c1", "A client", token_id, "write", START))
    records.oauth.put_credential(Credential("feed" * 16, "refresh", "g1", "c1", "write", START, START + 1000))
    records.roles.put(Role("captain", {"title": PRIVATE[0]}))
    records.roles.put_document(RoleDocument("captain", "guide", f"As {PRIVATE[1]} says."))
    records.originals.put(Original("messages", "m1", "messages/a.json", 0, f'{{"body": "{PRIVATE[2]}"}}'))


def content_of(directory: Path) -> bytes:
    """Every byte in a directory."""
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


def found_in(content: bytes, texts: tuple[str, ...]) -> list[str]:
    """Those that occur, in any case: an index keeps words in lower case."""
    lower = content.lower()
    return [text for text in texts if text.lower().encode() in lower]


def messages_found(data: Path, environment: str, database: DatabaseAddress | None = None, **question: Any) -> list[str]:
    """What a search answers on a data directory that nobody has open: the titles."""

    async def ask() -> list[str]:
        with open_data_directory(data, environment) as identity:
            store: Store = await (open_store(data) if database is None else open_database(database, identity))
            async with opened(store) as desk:
                answer = await desk.call("search", **question)
                return [hit["title"] for hit in answer["results"]]

    return asyncio.run(ask())
