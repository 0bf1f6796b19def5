"""The program ``litestream``: found, and asked. What it writes and how is its own business."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import Final

from homeport.environments.backups.replication import Generation, Point, litestream_config, parse_points
from homeport.environments.environment import Environment
from homeport.errors import CannotStartError, HomeportError
from homeport.host.commands import Finished, run_command

OLDEST: Final = (0, 5, 17)
_SECONDS: Final = 6 * 3600.0
_LIST_SECONDS: Final = 120.0
# Litestream wants the name of a database, and looks for none where it only reads a replica.
_NAME: Final = PurePosixPath("/nonexistent/homeport.db")


def find_litestream(environment: Environment) -> Path:
    """The declared program, or the one on PATH.

    Raises:
        CannotStartError: there is none, or it is too old.
    """
    declared = environment.backup.litestream
    found = shutil.which(declared or "litestream")
    if found is None:
        where = f"There is no program {declared}" if declared else "There is no program litestream on PATH"
        raise CannotStartError(
            f"{where}, which keeps the replica that {environment.name} declares (continuous).",
            "Install litestream 0.5.17 or newer, or name it: litestream = /path in the environment's backup table.",
        )
    said = run_command([found, "version"], seconds=30)
    numbers = said.output.strip().removeprefix("v").split(".")
    if said.code != 0 or len(numbers) < 3 or not all(number.isdigit() for number in numbers[:3]):
        raise CannotStartError(f"{found} does not say its version: {said.last_words}", "Is it litestream?")
    if tuple(map(int, numbers[:3])) < OLDEST:
        raise CannotStartError(
            f"{found} is {said.output.strip()}; {'.'.join(map(str, OLDEST))} or newer is needed.",
            "Older ones have another format, or a SQLite that can damage what it writes.",
        )
    return Path(found)


def points_of(program: Path, directory: Path, generation: Generation) -> list[Point]:
    """The moments that a generation can be restored to, the oldest first.

    Args:
        program: litestream.
        directory: of the generation.
        generation: whose.

    Raises:
        HomeportError: it cannot be read.
    """
    done = _ask(program, directory, "ltx", ("-json", "-level", "all"), _LIST_SECONDS)
    if done.code != 0:
        raise HomeportError(f"The replica in {directory} cannot be read: {done.last_words}")
    return parse_points(done.output, generation)


def restore_point(program: Path, directory: Path, target: Path, txid: str) -> None:
    """Makes the database of one moment.

    Args:
        program: litestream.
        directory: of the generation.
        target: the file to make; nothing may be there.
        txid: which moment.

    Raises:
        HomeportError: it cannot be made; nothing is left of it.
    """
    options = ("-json", "-txid", txid, "-integrity-check", "none", "-o", str(target))
    done = _ask(program, directory, "restore", options, _SECONDS)
    if done.code == 0 and target.is_file():
        return
    for name in (target.name, f"{target.name}-wal", f"{target.name}-shm", f"{target.name}.tmp"):
        target.with_name(name).unlink(missing_ok=True)
    raise HomeportError(f"The replica in {directory} does not give back {txid}: {done.last_words or 'without a word'}")


def _ask(program: Path, directory: Path, action: str, options: tuple[str, ...], seconds: float) -> Finished:
    """With a configuration and not with a URL: of a path with a space or a percent sign, a URL finds nothing."""
    with tempfile.NamedTemporaryFile("w", prefix="homeport-", suffix=".yml", encoding="utf-8") as file:
        file.write(litestream_config(_NAME, PurePosixPath(directory)))
        file.flush()
        command = [str(program), action, "-config", file.name, "-no-expand-env", *options, str(_NAME)]
        return run_command(command, seconds=seconds)


def last_message(line: str) -> str:
    """What a line of Litestream's log says, for people."""
    try:
        found = json.loads(line)
        text = f"{found['msg']}: {found['error']}" if "error" in found else str(found["msg"])
    except (ValueError, KeyError, TypeError):
        return line.strip()
    return text
