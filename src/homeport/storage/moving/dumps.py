"""A dump that is read without a server: ``pg_restore`` writes the rows in it as text.

So what was kept in a database can be kept in a file on a machine that knows of no database any more.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final

from homeport.errors import HomeportError
from homeport.storage.dumps.loading import BrokenDumpError
from homeport.storage.dumps.programs import newest_program
from homeport.storage.postgres.nul import restored
from homeport.storage.snapshots.examining import INDEXED

_LISTED: Final = re.compile(rb"\d+; \d+ \d+ (TABLE DATA|SEQUENCE SET) (\S+) (\S+) \S+")
_COPY: Final = re.compile(rb"COPY (\S+)\.(\S+) \((.*)\) FROM stdin;")
_SET: Final = re.compile(rb"SELECT pg_catalog\.setval\('(\S+)', (\d+), (true|false)\);")
_END: Final = b"\\."
_NOTHING: Final = b"\\N"
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
_MEANT: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_OUR_OWN: Final = "homeport_"
"""Begins the names of tables in which a database says something of itself."""
_VERSIONS: Final = "alembic_version"
_FLOATS: Final = frozenset({"FLOAT", "REAL", "DOUBLE"})
_TOO_NEW: Final = "unsupported version"
_SAID: Final = 600

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table in a dump: to be read before the next one is asked for.

    Attributes:
        table: its name.
        columns: of the rows.
        rows: each value as PostgreSQL writes it.
    """

    table: str
    columns: tuple[str, ...]
    rows: Iterator[Row]


class Dump:
    """A dump as a file.

    Args:
        path: of the file.

    Raises:
        BrokenDumpError: it is damaged, or no dump of Homeport's.
        HomeportError: PostgreSQL's programs are missing, or older than what wrote it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._program = newest_program("pg_restore")
        self._lines: dict[tuple[str, str], bytes] = {}
        with self._run("--list") as lines:
            for line in lines:
                if found := _LISTED.match(line):
                    self._list(found, line)

    def _list(self, found: re.Match[bytes], line: bytes) -> None:
        key = found[1].decode(), _name(found[3])
        if key in self._lines:
            raise BrokenDumpError(f"{self._path} has two tables {key[1]}.", "It is no dump that Homeport made.")
        self._lines[key] = line

    @property
    def tables(self) -> set[str]:
        """The names of those that hold what people and agents made, and of the probe's."""
        names = {name for kind, name in self._lines if kind == "TABLE DATA"}
        return {name for name in names if not name.startswith(_OUR_OWN)} - {_VERSIONS, *INDEXED}

    @cached_property
    def revision(self) -> str:
        """Of the schema."""
        return self._single(_VERSIONS, "version_num")

    @cached_property
    def identity(self) -> str:
        """The id of the data, as the database said it itself."""
        return self._single(f"{_OUR_OWN}identity", "id")

    def counters(self) -> dict[str, int]:
        """The highest number that each sequence ever gave, by its name; none of one that gave none."""
        listed = [line for (kind, _), line in self._lines.items() if kind == "SEQUENCE SET"]
        found = {}
        with self._selected(listed) as lines:
            for line in lines:
                if (setting := _SET.match(line)) and setting[3] == b"true":
                    found[_name(setting[1].rpartition(b".")[2])] = int(setting[2])
        return found

    def read(self, order: Sequence[str]) -> Generator[Rows]:
        """The rows of tables, one table after the other, in this order.

        Raises:
            BrokenDumpError: it is damaged.
        """
        with self._selected([self._lines["TABLE DATA", name] for name in order]) as lines:
            for line in lines:
                if found := _COPY.match(line):
                    columns = tuple(_name(one) for one in found[3].split(b", "))
                    rows = self._rows(lines)
                    yield Rows(_name(found[2]), columns, rows)
                    for _ in rows:
                        pass

    def _rows(self, lines: Iterator[bytes]) -> Iterator[Row]:
        for line in lines:
            text = line.removesuffix(b"\n")
            if text == _END:
                return
            yield restored([_value(field) for field in text.split(b"\t")])
        raise BrokenDumpError(f"{self._path} ends within a table.", "Use another backup.")

    def _single(self, table: str, column: str) -> str:
        if ("TABLE DATA", table) in self._lines:
            with closing(self.read([table])) as found:
                for one in found:
                    for row in one.rows:
                        return row[one.columns.index(column)] or ""
        raise BrokenDumpError(f"{self._path} has no {table}.", "It is no dump that Homeport made.")

    @contextmanager
    def _selected(self, listed: Sequence[bytes]) -> Iterator[Iterator[bytes]]:
        """The lines that restore these entries, in this order."""
        with tempfile.NamedTemporaryFile(prefix="homeport-", suffix=".list") as file:
            file.writelines(listed)
            file.flush()
            with self._run("--data-only", f"--use-list={file.name}", "--file=-") as lines:
                yield lines

    @contextmanager
    def _run(self, *words: str) -> Iterator[Iterator[bytes]]:
        """The lines that the program writes; whoever reads them to their end hears whether it failed."""
        command = [str(self._program.path), *words, str(self._path)]
        with tempfile.TemporaryFile() as said:
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, env=_environment()
                )
            except OSError as error:
                raise HomeportError(f"{self._program.path} cannot be run: {error.strerror}.") from None
            with process:
                try:
                    yield _lines(process)
                except BaseException:
                    process.kill()
                    raise
            if process.returncode != 0:
                said.seek(0)
                raise self._failed(" ".join(said.read().decode(errors="replace").split())[-_SAID:])

    def _failed(self, said: str) -> HomeportError:
        if _TOO_NEW in said:
            return HomeportError(
                f"{self._path} was written by a newer PostgreSQL than {self._program.path} ({self._program.major}).",
                "Install the programs of the version that it was in: apt-get install postgresql-client-N",
            )
        return BrokenDumpError(f"{self._path} cannot be read: {said or 'pg_restore failed'}.", "Use another backup.")


def typed(row: Sequence[str | None], kinds: Sequence[str]) -> tuple[Any, ...]:
    """A row as a file of SQLite has it.

    Args:
        row: as PostgreSQL writes it.
        kinds: the types of the file's columns.

    Raises:
        ValueError: a value is not of its type.
    """
    return tuple(None if text is None else _typed(text, kind) for text, kind in zip(row, kinds, strict=True))


def _typed(text: str, kind: str) -> str | int | float:
    if "INT" in kind:
        return int(text)
    return float(text) if kind in _FLOATS else text


def _value(field: bytes) -> str | None:
    if field == _NOTHING:
        return None
    if b"\\" in field:
        field = _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), field)
    return field.decode()


def _name(written: bytes) -> str:
    return written.decode().strip('"')


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    out: IO[bytes] | None = process.stdout
    return iter(() if out is None else out)


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}
