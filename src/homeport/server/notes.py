"""Small files beside the data that others write and a server shows: what of backups is proved, whence the data came."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from homeport.contract import SNAPSHOT_FILE, CameFrom
from homeport.contract.survey import LARGEST_SURVEY
from homeport.transports.log import Log
from homeport.transports.proof import Proof, parse_origin, parse_record

_LARGEST: Final = 1 << 16


class BackupsFile:
    """Reads the record of backups, anew only where the file has changed.

    Args:
        path: of the file, which need not exist; None where nobody said one.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._proof = Proof()

    def read(self) -> Proof:
        """What the file says now. What is wrong with it is part of the answer."""
        if self._path is None:
            return Proof(problem="This server was not told where backups are recorded.")
        try:
            found = self._path.stat()
            mark = (found.st_ino, found.st_mtime_ns, found.st_size)
            if mark != self._seen:
                self._proof = _parsed(self._path)
                self._seen = mark
        except FileNotFoundError:
            # Nobody has made a backup yet, which is no fault of the file.
            return Proof()
        except OSError as error:
            return Proof(problem=f"{self._path} cannot be read: {error.strerror}.")
        return self._proof


def read_origin(data_directory: Path, log: Log) -> CameFrom | None:
    """Where the data came from, if from another environment; a file that says it badly is logged and not believed."""
    file = data_directory / SNAPSHOT_FILE
    try:
        return parse_origin(_text(file))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        log.event("warning", "nobody knows where the data came from", file=str(file), reason=str(error))
        return None


def read_survey(path: Path | None) -> bytes | None:
    """What was last seen of all environments, as it stands in its file; None where there is none.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger than such a file can be.
    """
    if path is None:
        return None
    try:
        return _text(path, LARGEST_SURVEY)
    except FileNotFoundError:
        return None


def _parsed(path: Path) -> Proof:
    try:
        record = parse_record(_text(path))
    except (ValueError, RecursionError) as error:
        return Proof(problem=f"{path} is not what it should be: {error}.")
    return Proof(record["last_backup"], record["last_drill"], record["proven"], replica=record.get("replica"))


def _text(path: Path, largest: int = _LARGEST) -> bytes:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > largest:
            raise ValueError(f"it is over {largest} bytes")
        return file.read(largest)
