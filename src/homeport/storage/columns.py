"""The types of columns, which every database has in its own way.

SQLite's ``INTEGER`` has 64 bits and is the only type of a key that counts itself. PostgreSQL sorts texts by the rules
of a language unless it is told to go by their bytes, as SQLite does and as every list here is ordered.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Integer, Text

NUMBER: Final = BigInteger().with_variant(Integer(), "sqlite")
TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
