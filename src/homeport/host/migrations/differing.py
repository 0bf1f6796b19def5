"""How much of a directory of files is other than in another: rows of databases, entries of JSON documents, files."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from homeport.host.data.databases import count_rows, is_database, quoted


def differences(before: Path, after: Path, *, ignored: str) -> dict[str, int]:
    """How much is new, gone or other in each file that is not the same; by ``file:table`` for databases.

    Args:
        before: a directory that nobody writes.
        after: the same later.
        ignored: a file at its top that is not counted.
    """
    names = sorted({*_files(before), *_files(after)} - {ignored})
    found: dict[str, int] = {}
    for name in names:
        old, new = before / name, after / name
        if old.is_file() and new.is_file() and is_database(old) and is_database(new):
            found |= {f"{name}:{table}": count for table, count in _of_databases(old, new).items()}
        elif _bytes(old) != _bytes(new):
            found[name] = _of_files(old, new)
    return {name: count for name, count in found.items() if count}


def _files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _of_files(old: Path, new: Path) -> int:
    """Entries of JSON documents; what is none counts once."""
    try:
        before, after = (json.loads(file.read_bytes()) if file.is_file() else None for file in (old, new))
    except ValueError:
        return 1
    return max(1, changed_entries(before, after))


def changed_entries(old: Any, new: Any) -> int:  # noqa: ANN401 - any JSON
    """How many entries of a document are new, gone or other: of the lists and maps of records in it."""
    if isinstance(old, list | None) and isinstance(new, list | None):
        counts = [Counter(json.dumps(entry, sort_keys=True) for entry in side or []) for side in (old, new)]
        return max((counts[0] - counts[1]).total(), (counts[1] - counts[0]).total())
    if isinstance(old, dict | None) and isinstance(new, dict | None):
        sides = (old or {}, new or {})
        keys = {*sides[0], *sides[1]}
        if all(isinstance(value, list | dict) for side in sides for value in side.values()):
            return sum(_changed_within(sides[0].get(key), sides[1].get(key)) for key in keys)
        lists = {key for key in keys if any(isinstance(side.get(key), list) for side in sides)}
        others = any(sides[0].get(key) != sides[1].get(key) for key in keys - lists)
        return others + sum(changed_entries(sides[0].get(key), sides[1].get(key)) for key in lists)
    return int(old != new)


def _changed_within(old: Any, new: Any) -> int:  # noqa: ANN401 - as above
    """The same of what a name stands for: a list counts by its entries, a record once."""
    of_lists = isinstance(old, list | None) and isinstance(new, list | None)
    return changed_entries(old, new) if of_lists else int(old != new)


def _of_databases(old: Path, new: Path) -> dict[str, int]:
    import pysqlite3

    tables = {*count_rows(old), *count_rows(new)}
    with closing(pysqlite3.connect(f"{new.absolute().as_uri()}?mode=ro", uri=True)) as database:
        database.execute("ATTACH ? AS before", (f"{old.absolute().as_uri()}?mode=ro",))
        return {table: _changed_rows(database, table) for table in tables}


def _changed_rows(database: Any, table: str) -> int:  # noqa: ANN401 - the driver has no types
    """Rows that are not the same on both sides, in the columns that both have; one that was changed counts once."""
    columns = [
        [name for (name,) in database.execute("SELECT name FROM pragma_table_info(?, ?)", (table, schema))]
        for schema in ("before", "main")
    ]
    both = ", ".join(quoted(name) for name in columns[1] if name in columns[0])
    if not both:
        schema = "main" if columns[1] else "before"
        return int(database.execute(f"SELECT count(*) FROM {schema}.{quoted(table)}").fetchone()[0])  # noqa: S608 - quoted
    sides = [f"SELECT {both} FROM {schema}.{quoted(table)}" for schema in ("main", "before")]  # noqa: S608 - quoted
    counts = [
        database.execute(f"SELECT count(*) FROM ({one} EXCEPT {other})").fetchone()[0]  # noqa: S608 - quoted
        for one, other in (sides, sides[::-1])
    ]
    return int(max(counts))
