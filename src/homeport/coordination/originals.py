"""Originals: imported records as they stood in their files.

Import reads them into the nouns of the domain; what the domain has no place for (unknown keys, a time in an
unusual form, the order in a file) would be lost. So the record is also kept as it was, and an export starts
from it and changes only what has changed since.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Original:
    """One record of one file.

    ``kind`` is the kind of its file, or ``file`` for what surrounds the records of a file. ``key`` is unique within
    the kind, and says where the record stood and what it became. ``document`` is JSON text.
    """

    kind: str
    key: str
    path: str
    position: int
    document: str
