"""The revisions of the schema that this version knows, oldest first.

Alembic knows them too, but takes a quarter of a second to load, and a server whose schema is current needs it for
nothing. A test holds the two together.
"""

from __future__ import annotations

from typing import Final

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005")
HEAD: Final = REVISIONS[-1]
