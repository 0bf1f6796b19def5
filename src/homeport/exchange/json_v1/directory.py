"""A json-v1 directory as a value, and the one function that reads it from the disk.

Everything is read and checked before anything is imported: a file that is broken is named with its line and
column, and then nothing is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NoReturn

from homeport.coordination.values import JsonObject
from homeport.errors import InvalidError, UsageError
from homeport.exchange.json_v1 import jsontext
from homeport.exchange.json_v1.jsontext import BrokenJsonError, Json, Step, locate, shown
from homeport.exchange.json_v1.layout import Kind, Place, place_in, place_of
from homeport.exchange.json_v1.report import Odd

MAX_FILE: Final = 256 * 1024 * 1024
"""Bytes; the earlier server reads and writes its files whole and is unusable long before."""

_MEND: Final = "Mend the file, or move it out of the directory, and import again; nothing was imported."
_UNKNOWN: Final = "not part of the format: not imported, and an export will not have it"
_LINK: Final = "a link is not followed: what it points to is not imported from here"
_ALL: Final = 10


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the format.

    ``records`` are the records in the order of the file; those of ``roles.json`` are objects of one key each.
    ``envelope`` is what surrounds them, with nothing in their place (for a document: its text, for
    ``lessons/index.json`` the whole).
    """

    path: str
    place: Place
    envelope: Json
    records: tuple[JsonObject, ...] = ()


@dataclass(frozen=True, slots=True)
class Directory:
    """All files of a directory that belong to the format, by path, and what else lay there."""

    files: tuple[SourceFile, ...]
    odd: tuple[Odd, ...] = ()

    def of(self, kind: Kind) -> Iterator[SourceFile]:
        """The files of one kind."""
        return (file for file in self.files if file.place.kind is kind)


class _ShapeError(ValueError):
    """JSON, but not of the format's shape, at the end of ``steps``."""

    def __init__(self, what: str, *steps: Step) -> None:
        super().__init__(what)
        self.what = what
        self.steps = steps


def read_directory(path: Path, *, max_file: int = MAX_FILE) -> Directory:
    """Reads a json-v1 directory.

    Args:
        path: the directory that holds ``instances.json``, ``projects/``, ``messages/``, ``lessons/``, ``roles/``.
        max_file: the most bytes that one file may have.

    Raises:
        UsageError: there is no such directory, it cannot be read, or it holds nothing of the format.
        InvalidError: a file is broken (not UTF-8, not JSON, not of the format's shape, too large) or a link
            leads out of the directory; the sentence names the file, line and column.
    """
    files: list[SourceFile] = []
    odd: list[Odd] = []
    broken: list[str] = []
    try:
        root = path.resolve(strict=True)
        for entry in _walk(root):
            name = entry.relative_to(root).as_posix()
            try:
                found = _look_at(entry, name, root, max_file)
            except BrokenJsonError as error:
                broken.append(f"{entry}: {error}")
                continue
            if isinstance(found, Odd):
                odd.append(found)
            else:
                files.append(found)
    except OSError as error:
        raise UsageError(
            f"{error.filename or path} cannot be read: {error.strerror or error}.", "Nothing was imported."
        ) from None
    if broken:
        more = f" And {len(broken) - 1} more broken: {'; '.join(broken[1:_ALL])}." if len(broken) > 1 else ""
        raise InvalidError(f"{broken[0]}.{more}", _MEND, broken=broken)
    if not files:
        raise _nothing_there(path)
    return Directory(tuple(sorted(files, key=lambda file: file.path)), tuple(sorted(odd, key=lambda one: one.path)))


def _walk(directory: Path) -> Iterator[Path]:
    """All that is not a directory, below ``directory``; links are not followed."""
    for entry in sorted(directory.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
        else:
            yield entry


def _look_at(entry: Path, name: str, root: Path, max_file: int) -> SourceFile | Odd:
    mode = entry.lstat().st_mode
    if stat.S_ISLNK(mode):
        target = Path(os.path.realpath(entry))
        if not target.is_relative_to(root):
            raise BrokenJsonError(f"a link that leads out of the directory, to {target}", 1, 1)
        return Odd("files", _printable(name), f"a link to {target.relative_to(root)}", _LINK)
    place = place_of(name)
    if place is None or not stat.S_ISREG(mode):
        return Odd("files", _printable(name), "a file" if stat.S_ISREG(mode) else "not a regular file", _UNKNOWN)
    if _printable(name) != name:
        raise BrokenJsonError("the name of the file is not UTF-8", 1, 1)
    return _parsed(name, place, _text(entry, max_file))


def _text(file: Path, max_file: int) -> str:
    with file.open("rb") as stream:
        data = stream.read(max_file + 1)
    if len(data) > max_file:
        raise BrokenJsonError(f"over {max_file} bytes, the most that is read", 1, 1)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start]
        column = error.start - before.rfind(b"\n")
        raise BrokenJsonError(
            f"not UTF-8 text: byte 0x{data[error.start]:02x}", before.count(b"\n") + 1, column
        ) from None


def _parsed(name: str, place: Place, text: str) -> SourceFile:
    if place.kind is Kind.DOCUMENT:
        return SourceFile(name, place, text)
    text = text.removeprefix("\ufeff")
    value = jsontext.parse(text)
    try:
        return _shaped(SourceFile(name, place_in(name, value) or place, value))
    except _ShapeError as error:
        raise BrokenJsonError(f"{shown(error.steps)}: {error.what}", *locate(text, error.steps)) from None


def _shaped(file: SourceFile) -> SourceFile:
    """The file with its records taken out of what surrounds them."""
    container, value = file.place.kind.container, file.envelope
    if container is None:
        if not isinstance(value, dict):
            _wrong("an object", value)
        return file
    if isinstance(value, list) and file.place.kind is not Kind.ROLES:
        return replace(file, envelope=[], records=_records(file.place.kind, value, ()))
    if not isinstance(value, dict):
        _wrong("an object", value)
    records = value.get(container)
    if file.place.kind is Kind.ROLES:
        if not isinstance(records, dict):
            _wrong("an object of roles", records, container)
        single = tuple({role: description} for role, description in records.items())
        return replace(file, envelope={**value, container: {}}, records=single)
    if not isinstance(records, list):
        _wrong("a list", records, container)
    found = _records(file.place.kind, records, (container,))
    return replace(file, envelope={**value, container: []}, records=found)


def _records(kind: Kind, found: list[Json], steps: tuple[Step, ...]) -> tuple[JsonObject, ...]:
    for index, record in enumerate(found):
        if not isinstance(record, dict):
            _wrong("an object", record, *steps, index)
        identity = record.get("id")
        if not isinstance(identity, str) or not identity:
            what = "it has no id" if "id" not in record else "its id is not a text with something in it"
            raise _ShapeError(what, *steps, index, *(["id"] if "id" in record else []))
        if kind is Kind.LESSONS:
            _refuse_lessons(record, (*steps, index))
    return tuple(found)


def _refuse_lessons(submission: JsonObject, steps: tuple[Step, ...]) -> None:
    lessons = submission.get("lessons", [])
    if not isinstance(lessons, list):
        _wrong("a list", lessons, *steps, "lessons")
    for index, lesson in enumerate(lessons):
        if not isinstance(lesson, dict):
            _wrong("an object", lesson, *steps, "lessons", index)


def _wrong(wanted: str, value: Json, *steps: Step) -> NoReturn:
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "a truth value",
        int: "a number",
        float: "a number",
    }
    raise _ShapeError(f"{names.get(type(value), 'nothing')} where {wanted} must be", *steps)


def _nothing_there(path: Path) -> UsageError:
    inner = [name for name in ("data", "shared-data") if (path / name / "instances.json").exists()]
    hint = f"Did you mean {path / inner[0]}?" if inner else "It should hold instances.json, projects/, messages/."
    return UsageError(f"{path} is not a json-v1 directory: no file of the format is in it.", hint)


def _printable(name: str) -> str:
    """A file's name that may hold bytes which are not UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
