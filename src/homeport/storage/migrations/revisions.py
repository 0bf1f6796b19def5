"""The revisions of the schema: those that this version knows, and the one that a database has.

Alembic knows them too, but takes a quarter of a second to load, and a server whose schema is current needs it for
nothing. A test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

VERSIONS: Final = Path(__file__).parent / "versions"
"""One file for each, ``r0001_first.py``."""
REVISIONS: Final = tuple(sorted(file.name[1:5] for file in VERSIONS.glob("r[0-9][0-9][0-9][0-9]_*.py")))
"""The oldest first."""
HEAD: Final = REVISIONS[-1]


@dataclass(frozen=True, slots=True)
class Schema:
    """What a database says of its schema.

    Attributes:
        revision: None where there is no schema.
        usable_from: the number of the oldest revision whose release can use the database as it is: a release that is
            older than the last migrations, but can live with them. 0 where nothing says so.
    """

    revision: str | None
    usable_from: int = 0

    @property
    def is_known(self) -> bool:
        """Whether this version has the revision."""
        return self.revision in REVISIONS

    @property
    def is_usable(self) -> bool:
        """Whether this version can use the database, be it after migrations."""
        return self.is_known or (self.revision is not None and 0 < self.usable_from <= int(HEAD))

    @property
    def pending(self) -> tuple[str, ...]:
        """The revisions that this version would run, the oldest first."""
        return REVISIONS[REVISIONS.index(self.revision) + 1 :] if self.revision in REVISIONS else ()
