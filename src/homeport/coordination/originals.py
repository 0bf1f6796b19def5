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

    ``kind`` is a noun, or ``file`` for what surrounds the records of a file. ``key`` names the record in the
    domain (its id, or ``project/id``, or the path for a file). ``document`` is JSON text.
    """

    kind: str
    key: str
    path: str
    position: int
    document: str
