"""What was provisioned last: which files, with which content. By it an edit by hand is told from an old text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from homeport.errors import HomeportError

FILE_NAME: Final = "provisioned.json"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Record:
    """The record, which lies in the journal directory of its environment.

    Attributes:
        files: hash of each file as it was written.
        site: the nginx file that includes the locations; None without a proxy.
        site_made: the hash of that file where it was made and not found; else None.
        include: the line in it.
    """

    files: Mapping[PurePosixPath, str]
    site: PurePosixPath | None = None
    site_made: str | None = None
    include: str = ""


def hash_of(text: str) -> str:
    """What a text is recognised by."""
    return hashlib.sha256(text.encode()).hexdigest()


def write_record(record: Record) -> str:
    """The text of a record."""
    found = {
        "version": _VERSION,
        "files": {str(path): record.files[path] for path in sorted(record.files)},
        "site": None if record.site is None else str(record.site),
        "site_made": record.site_made,
        "include": record.include,
    }
    return json.dumps(found, indent=2) + "\n"


def read_record(text: str, file: str) -> Record:
    """A record from its text.

    Raises:
        HomeportError: it is none.
    """
    try:
        found = json.loads(text)
        if found["version"] != _VERSION:
            raise ValueError(found["version"])  # noqa: TRY301 - as any other text that is no record
        return Record(
            {PurePosixPath(path): str(value) for path, value in found["files"].items()},
            PurePosixPath(found["site"]) if found["site"] else None,
            found["site_made"],
            str(found["include"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise HomeportError(
            f"{file} is no record of a provision that this version understands.",
            "Move it away: what stands on the machine is then taken for somebody else's.",
        ) from None
