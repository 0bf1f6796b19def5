"""First answers in SQL."""

from __future__ import annotations

from typing import Final

from homeport.coordination.idempotency import Answer
from homeport.coordination.values import Millis
from homeport.storage.sql.codec import dump, load
from homeport.storage.sql.database import Database

_GET: Final = "SELECT operation, key, fingerprint, answer, at FROM answers WHERE operation = ? AND key = ?"
_PUT: Final = """
    INSERT INTO answers (operation, key, fingerprint, answer, at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (operation, key) DO UPDATE SET
        fingerprint = excluded.fingerprint, answer = excluded.answer, at = excluded.at
"""


class SqlAnswers:
    """See :class:`homeport.coordination.store.Answers`."""

    def __init__(self, database: Database) -> None:
        self._execute = database.execute

    def get(self, operation: str, key: str) -> Answer | None:
        row = self._execute(_GET, (operation, key)).fetchone()
        return None if row is None else Answer(row[0], row[1], row[2], load(row[3]), row[4])

    def put(self, answer: Answer) -> None:
        self._execute(_PUT, (answer.operation, answer.key, answer.fingerprint, dump(answer.answer), answer.at))

    def forget(self, before: Millis) -> int:
        return self._execute("DELETE FROM answers WHERE at < ?", (before,)).rowcount
