"""Takes secrets, and by choice texts and names, out of a copy of a database, so that no byte of them stays in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pysqlite3 import dbapi2

from homeport.coordination.scrub import SECRET_EVENTS, SECRET_MARKS, Policy, filled, filled_json, without_secrets
from homeport.coordination.tokens import PATTERN
from homeport.coordination.webhooks import SECRET_PREFIX
from homeport.errors import GuardError
from homeport.files import sync_directory
from homeport.storage.snapshots.copying import MODE, check_room, sync_file
from homeport.storage.snapshots.examining import tables_of
from homeport.storage.sql.codec import dump, load
from homeport.storage.sql.database import Database
from homeport.storage.sqlite.index import reindex

Treatment = Literal["text", "json", "name", "kept"]

SECRET_TABLES: Final = (
    *("tokens", "webhooks", "oauth_clients", "oauth_grants", "oauth_credentials"),
    *("watches", "answers"),
)
"""Emptied always: sessions are in ``watches``, and the first answer to the making of a webhook has its secret."""
SOURCES: Final = "originals"
"""Emptied with the texts or the names, all of which it has once more."""

TREATMENTS: Final[dict[str, dict[str, Treatment]]] = {
    "instances": {"metadata": "json"},
    "projects": {"name": "name", "description": "text", "metadata": "json"},
    "tasks": {
        "title": "text",
        "description": "text",
        "estimated_effort": "text",
        "completion_notes": "text",
        "metadata": "json",
    },
    "messages": {"subject": "text", "body": "text", "parts": "json", "metadata": "json"},
    "submissions": {"metadata": "json"},
    "lessons": {"content": "text", "context": "text", "source_file": "text", "extra": "json"},
    "roles": {"description": "json"},
    "role_documents": {"text": "text"},
    "events": {"data": "kept"},
    "originals": {"document": "kept"},
}
"""What happens to columns in which something was written freely; ``kept`` ones lose secrets only.

All others hold ids, times, numbers and words of a fixed set, which stay.
"""
REASON: Final = "deactivated_reason"
"""In the events of instances that ended: a text of somebody's."""
_FILLREASONS: Final = """
    UPDATE events SET data = json_set(data, ?1, filled(data ->> ?1))
    WHERE kind = 'instance.deactivated' AND data ->> ?1 IS NOT NULL
"""
_PIECE: Final = 1 << 20
_SECRET_BYTES: Final = re.compile(rf"{PATTERN}|{SECRET_PREFIX}[0-9A-Za-z+/]{{20,}}".encode())
_LONGEST_SECRET: Final = 200


@dataclass
class Scrubbed:
    """Rows by table."""

    removed: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)


def scrub(path: Path, policy: Policy) -> Scrubbed:
    """Scrubs a database file that nobody else has open, and replaces it by one in which nothing else is.

    It is not safe against a crash: the copy is then to be thrown away.

    Raises:
        DatabaseError: it is damaged, or the disk is full.
        GuardError: a secret stands where none can be taken out.
        HomeportError: there is no room for the second copy.
    """
    check_room(path, path.parent)
    found = Scrubbed()
    clean = path.with_name(f"{path.name}.scrubbed")
    clean.unlink(missing_ok=True)
    database: Any = dbapi2.connect(str(path), isolation_level=None)
    try:
        for pragma in ("journal_mode = DELETE", "journal_mode = MEMORY", "synchronous = OFF", "secure_delete = ON"):
            database.execute(f"PRAGMA {pragma}").fetchall()
        for name, function in FUNCTIONS.items():
            database.create_function(name, 1, function, deterministic=True)
        database.execute("BEGIN EXCLUSIVE")
        _remove(database, policy, found)
        _replace(database, policy, found)
        if found.changed:
            reindex(database)
        database.execute("COMMIT")
        database.execute("VACUUM INTO ?", (str(clean),))
    finally:
        database.close()
    clean.chmod(MODE)
    check_bytes(clean)
    sync_file(clean)
    clean.replace(path)
    sync_directory(path.parent)
    return found


def _remove(database: Database, policy: Policy, found: Scrubbed) -> None:
    there = set(tables_of(database))
    emptied = [*SECRET_TABLES, *([SOURCES] if policy.texts or policy.names else [])]
    for table in filter(there.__contains__, emptied):
        found.removed[table] = database.execute(f"DELETE FROM {table}").rowcount  # noqa: S608 - a constant
    kinds = " OR ".join(["kind GLOB ?"] * len(SECRET_EVENTS))
    found.removed["events"] = database.execute(f"DELETE FROM events WHERE {kinds}", SECRET_EVENTS).rowcount  # noqa: S608 - as above


def _replace(database: Database, policy: Policy, found: Scrubbed) -> None:
    there = set(tables_of(database))
    for table, columns in TREATMENTS.items():
        if table not in there:
            continue
        functions = {column: function_of(treatment, policy) for column, treatment in columns.items()}
        sets = ", ".join(f"{column} = {function}({column})" for column, function in functions.items())
        statement = f"UPDATE {table} SET {sets}"  # noqa: S608 - constants
        if set(functions.values()) == {"without_secrets"}:
            marks = [f"instr({column}, '{mark}')" for column in columns for mark in SECRET_MARKS]
            statement += f" WHERE {' OR '.join(marks)}"
        if changed := database.execute(statement).rowcount:
            found.changed[table] = changed
    if policy.texts:
        changed = database.execute(_FILLREASONS, (f"$.{REASON}",)).rowcount
        if changed:
            found.changed["events"] = found.changed.get("events", 0) + changed


def function_of(treatment: Treatment, policy: Policy) -> str:
    """The name of what is done to a column, in :data:`FUNCTIONS`."""
    match treatment:
        case "text" if policy.texts:
            return "filled"
        case "json" if policy.texts or policy.names:
            return "filled_json"
        case "name" if policy.names:
            return "filled"
        case _:
            return "without_secrets"


def check_bytes(path: Path) -> None:
    """Looks for secrets in the bytes of a file, wherever they may be.

    Raises:
        GuardError: there is one.
    """
    with path.open("rb") as file:
        rest = b""
        while piece := file.read(_PIECE):
            if _SECRET_BYTES.search(rest + piece):
                raise GuardError(
                    f"A token or a webhook's secret stands in a name or an id of {path}, which cannot be changed.",
                    "Rename what is called so in the environment that the data come from, and take a new snapshot.",
                )
            rest = piece[-_LONGEST_SECRET:]


def _maybe(function: Callable[[str], str]) -> Callable[[str | None], str | None]:
    return lambda text: None if text is None else function(text)


FUNCTIONS: Final = {
    "filled": _maybe(filled),
    "filled_json": _maybe(lambda text: dump(filled_json(load(text)))),
    "without_secrets": _maybe(without_secrets),
}
"""What is done to texts, by name."""
