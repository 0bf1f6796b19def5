"""``homeport data move``: from a file into a database and back, under a real server, and taken back where it fails."""

from __future__ import annotations

import json
import threading
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Self

import httpx2
import psycopg
import pytest

from homeport import server
from homeport.contract import DATABASE_FILE, DatabaseAddress
from homeport.contract.database import ADDRESS_FILE
from homeport.identity import new_identity
from homeport.server import databases
from homeport.storage.postgres.identity import stamp
from homeport.whereabouts import shown
from tests.support.harbour import Harbour
from tests.support.postgres import ROLE, Cluster
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.needs_postgres, pytest.mark.timeout(400)]


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Harbour]:
    one = Harbour(tmp_path, more="keep_last = 9\n")
    one.start("production")
    for number in range(3):
        one.send("production", f"number {number}\0")
    yield one
    for environment in one.declaration.environments.values():
        one.manager.stop(environment)


class Answers:
    """Asks again and again while the block runs, and knows how long nobody was answered."""

    def __init__(self, harbour: Harbour) -> None:
        self._url = harbour.declaration.environment("production").health_url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._moments: list[float] = []
        self.longest_answer = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self._moments, within=30)
        return self

    def __exit__(self, *__: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def longest_gap(self) -> float:
        """Between two answers, in seconds."""
        return max(after - before for before, after in pairwise(self._moments))

    def _ask(self) -> None:
        while not self._over.wait(0.05):
            began = time.monotonic()
            with suppress(httpx2.HTTPError):
                if httpx2.get(self._url, timeout=30).status_code == 200:
                    self._moments.append(time.monotonic())
                    self.longest_answer = max(self.longest_answer, time.monotonic() - began)


def subjects(harbour: Harbour) -> list[str]:
    listed = harbour.ask("production", "/api/v1/messages?limit=9").json()
    return sorted(one["subject"] for one in listed["messages"])


def test_all_goes_into_a_database_and_back_and_every_client_goes_on(
    harbour: Harbour, postgres: Cluster, address: DatabaseAddress
) -> None:
    declared, before = harbour.file.read_text(), subjects(harbour)
    tried = harbour.run("data", "move", "production", "--to", address.url, "--dry-run")
    assert tried["tried"]["rows"]["messages"] == 3
    assert tried["tried"]["seconds"] > 0
    assert (harbour.file.read_text(), postgres.beside(address)) == (declared, [])
    with Answers(harbour) as answers:
        done = harbour.run("data", "move", "production", "--to", address.url, "--yes")
    assert (done["to"], done["started"], done["rows"]["messages"]) == (shown(address.url), True, 3)
    # What callers saw is no longer than it says, but for the way of one question; and all was converted meanwhile.
    assert done["seconds"] < done["away_seconds"]
    assert answers.longest_gap < done["away_seconds"] + answers.longest_answer + 1
    assert done["away_seconds"] < answers.longest_gap + 10
    assert f'database = "{address.url}"' in harbour.file.read_text()
    assert subjects(harbour) == before
    harbour.send("production", "more")
    kept = Path(done["kept"])
    assert server.data_facts(kept, deep=True)["counts"]["messages"] == 3
    assert postgres.beside(address) == []
    assert postgres.execute("SELECT count(*) FROM messages", postgres.database(address)) == [(4,)]

    back = harbour.run("data", "move", "production", "--to", "file", "--yes")
    assert (back["to"], back["rows"]["messages"]) == ("a file", 4)
    assert tomllib.loads(harbour.file.read_text()) == tomllib.loads(declared)
    assert (harbour.data("production") / DATABASE_FILE).is_file()
    assert not (harbour.data("production") / ADDRESS_FILE).exists()
    assert subjects(harbour) == sorted([*before, "more"])
    assert postgres.beside(address) == []
    # The database that it was in stays as it was.
    assert postgres.execute("SELECT count(*) FROM messages", postgres.database(address)) == [(4,)]


def test_what_cannot_be_served_goes_back_by_itself(
    harbour: Harbour, postgres: Cluster, address: DatabaseAddress
) -> None:
    """Nobody may connect any more to what was just put in place."""
    declared, before = harbour.file.read_text(), subjects(harbour)

    def close() -> None:
        until(lambda: any("before_move" in name for name in postgres.beside(address)), within=50)
        postgres.execute(f"REVOKE CONNECT ON DATABASE {postgres.database(address)} FROM PUBLIC, {ROLE}")

    with ThreadPoolExecutor(1) as thread:
        closing = thread.submit(close)
        error = harbour.run("data", "move", "production", "--to", address.url, "--yes", code=78)
        closing.result()
    assert "permission denied" in error["message"]
    assert harbour.file.read_text() == declared
    assert subjects(harbour) == before
    harbour.send("production", "goes on")
    last = json.loads((harbour.directory / "production" / "journal" / "operations.jsonl").read_text().splitlines()[-1])
    assert last["outcome"] == "undone"
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.execute(tables, postgres.database(address)) == [(0,)]


@pytest.mark.parametrize(
    ("to", "code", "said"),
    [
        ("file", 2, "are in a file"),
        ("postgresql://homeport:secret@127.0.0.1/x", 2, "password"),
        ("postgresql://homeport@127.0.0.1:1/nowhere", 1, "cannot be reached"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_changes(harbour: Harbour, to: str, code: int, said: str) -> None:
    declared = harbour.file.read_text()
    error = harbour.run("data", "move", "production", "--to", to, "--yes", code=code)
    assert said in error["message"]
    assert "secret" not in json.dumps(error)
    assert harbour.file.read_text() == declared
    assert harbour.messages("production") == 3


@pytest.mark.parametrize(
    ("holds", "said"), [("tables", "tables that are not Homeport's"), ("another machine's", "data of production")]
)
def test_a_database_that_holds_something_is_not_moved_over(
    harbour: Harbour, postgres: Cluster, address: DatabaseAddress, holds: str, said: str
) -> None:
    with psycopg.connect(address.url, autocommit=True) as connection:
        if holds == "tables":
            connection.execute("CREATE TABLE mine (id INT)")
        else:
            stamp(connection, new_identity("production"))
    for more in (("--yes",), ("--dry-run",)):
        error = harbour.run("data", "move", "production", "--to", address.url, *more, code=3)
        assert f"is not empty, it holds {said}: nothing was moved" in error["message"]
    assert harbour.messages("production") == 3
    assert postgres.beside(address) == []


def test_a_database_that_another_machine_works_on_is_not_moved_into(
    harbour: Harbour, postgres: Cluster, address: DatabaseAddress
) -> None:
    with databases.reserved(address, "production", "restore", needed=True):
        error = harbour.run("data", "move", "production", "--to", address.url, "--yes", code=3)
    assert "Another operation is changing production: restore process" in error["message"]
    assert harbour.messages("production") == 3
    assert postgres.beside(address) == []
