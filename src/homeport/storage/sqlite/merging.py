"""Keeps the indexes of words in few pieces: each commit adds one, and a search looks into all of them.

FTS5 merges small pieces by itself, and leaves about four of each size. What is done here makes one of all, a few
pages at a time, whenever a quarter has been added since: so an index that grows is written five times in all.
"""

from __future__ import annotations

from typing import Final

from homeport.storage.sql.database import Database

PAGES: Final = 16
"""What one step writes, about: some milliseconds in which no other write begins."""
PIECES: Final = 4
"""Fewer are left alone; FTS5 does not go on with a merge of fewer either."""
SHARE: Final = 4
"""All but the largest piece together must have this part of its size."""

_KINDS: Final = ("message", "task", "lesson", "project")
_MERGE: Final = {kind: f"INSERT INTO {kind}_words ({kind}_words, rank) VALUES ('merge', ?)" for kind in _KINDS}  # noqa: S608
# Piece by piece, whatever their size; then the pages of each.
_NEXT_PIECE: Final = {kind: f"SELECT min(segid) FROM {kind}_words_idx WHERE segid > ?" for kind in _KINDS}  # noqa: S608
_SIZE: Final = {kind: f"SELECT count(*) FROM {kind}_words_idx WHERE segid = ?" for kind in _KINDS}  # noqa: S608


class Merger:
    """Merges, step by step, through the connection that writes.

    Args:
        database: that connection; used by :meth:`step` alone.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._under_way: set[str] = set()

    def has_more(self, database: Database) -> bool:
        """Whether there is something to do, by another connection."""
        return bool(self._under_way) or any(_is_worth_it(database, kind) for kind in _KINDS)

    def step(self) -> bool:
        """Merges a few pages within the transaction under way; whether there may be more."""
        for kind in _KINDS:
            begins = kind not in self._under_way
            if begins and not _is_worth_it(self._database, kind):
                continue
            before = self._database.total_changes
            # A negative number puts all pieces into one merge; a positive one goes on with it, whatever came since.
            self._database.execute(_MERGE[kind], (-PAGES if begins else PAGES,))
            # One change is the statement itself, of which nothing came.
            if self._database.total_changes - before >= 2:
                self._under_way.add(kind)
                return True
            self._under_way.discard(kind)
        return False


def sizes(database: Database, kind: str) -> list[int]:
    """The pages of each piece of an index, the largest first."""
    pieces = [0]
    while (found := database.execute(_NEXT_PIECE[kind], (pieces[-1],)).fetchone()) and found[0] is not None:
        pieces.append(found[0])
    return sorted((int(database.execute(_SIZE[kind], (piece,)).fetchall()[0][0]) for piece in pieces[1:]), reverse=True)


def _is_worth_it(database: Database, kind: str) -> bool:
    found = sizes(database, kind)
    return len(found) >= PIECES and sum(found[1:]) * SHARE >= found[0]
