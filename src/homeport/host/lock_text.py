"""Who holds a lock, read from its text: for those who only look.

Asking the lock itself means to hold it for a moment, in which somebody who really wants it would be refused.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Final

import psutil

from homeport.datalock import LockHolder

_LARGEST: Final = 4096
_SLACK: Final = 2.0


def read_lock_text(file: Path) -> LockHolder | None:
    """Who says in a lock file that it holds it, and lives; None where nobody does.

    The text of a holder that was killed stays: it counts only while a process of that pid runs that had begun before.
    """
    try:
        with file.open("rb") as stream:
            found = json.loads(stream.read(_LARGEST))
        holder = LockHolder(int(found["pid"]), str(found["command"]), str(found["since"]))
        since = datetime.fromisoformat(holder.since).timestamp()
        process = psutil.Process(holder.pid)
        lives = process.status() != psutil.STATUS_ZOMBIE and process.create_time() <= since + _SLACK
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return holder if lives else None
