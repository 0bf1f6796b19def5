"""The plan of ``homeport data move``: from a file into a database, or back, with the declaration that says where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

import tomlkit

from homeport.environments.backups.data_steps import DATA, Discard, Scratch, Settle
from homeport.environments.backups.database_steps import ConvertData, DropDatabase, OwnScratches, SweepScratches, label
from homeport.environments.backups.plans import Target, exchange, nobody_else
from homeport.environments.backups.steps import MakeBackup
from homeport.environments.migrations.steps import CopyWhole
from homeport.environments.plan import Plan
from homeport.environments.services.steps import ComeBack, StopServer
from homeport.environments.steps import Ownership, Step, WriteFile

MOVE: Final = "data move"
"""What the journal calls it."""
KEPT = "before-move"
"""What the name says of the data directory that was moved from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where data go, and the declaration that says so.

    Attributes:
        file: the declaration.
        text: what it says from then on.
        mode: of the file.
        owner: of the file.
        url: of the database; None for a file.
        password_file: for it.
    """

    file: PurePosixPath
    text: str
    mode: int
    owner: Ownership
    url: str | None
    password_file: str | None


def redeclared(text: str, environment: str, url: str | None, password_file: str | None) -> str:
    """A declaration in which the data of an environment are in a database, or in none; all else is as it was.

    Args:
        text: the declaration.
        environment: whose data.
        url: of the database; None for a file.
        password_file: for it.
    """
    document = tomlkit.parse(text)
    environments = document.setdefault("environments", tomlkit.table(is_super_table=True))
    table = environments.setdefault(environment, tomlkit.table())
    for key, value in (("database", url), ("database_password_file", password_file)):
        if value is not None:
            table[key] = value
        elif key in table:
            del table[key]
    return tomlkit.dumps(document)


def plan_move(target: Target, move: Move, safety: str) -> Plan:
    """Backs up, stops the server, brings a copy of the data into the other kind, and has the server run on that.

    Until the server is well, all of it is taken back: the data, the databases, and the declaration. What the data were
    in stays where it is, under another name.

    Args:
        target: the data as they were found.
        move: where they go.
        safety: the id of the backup that is made first.
    """
    name, work = target.environment, target.beside("moving")
    there = replace(target, database=move.url is not None)
    own, sweep = _scratches(name, move)
    steps = (
        *nobody_else(target),
        MakeBackup(name, safety, "move"),
        *own,
        Scratch(work),
        *((ComeBack(name), StopServer(name)) if target.running else ()),
        CopyWhole(name, work),
        ConvertData(name, work, move.url, move.password_file),
        Settle(work / DATA, target.mode, target.owner),
        # A database that is left is not exchanged, so that nothing else would notice who has come meanwhile.
        *nobody_else(target),
        WriteFile(move.file, move.text, move.mode, move.owner),
        *exchange(there, work, KEPT, onto_empty=True),
    )
    empty = (DropDatabase(name, label(target.beside(KEPT), target.data)),) if move.url is not None else ()
    return Plan(MOVE, name, (*steps, *empty, Discard(work), *sweep), commits_after=len(steps))


def plan_trial(environment: str, move: Move, work: PurePosixPath) -> Plan:
    """Brings a copy into the other kind, and throws it away: what it takes is what callers will wait for.

    Args:
        environment: whose data, which are only read.
        move: where they will go.
        work: a directory to make, on no path of the data.
    """
    convert = ConvertData(environment, work, move.url, move.password_file, first=True)
    own, sweep = _scratches(environment, move)
    steps = (*own, Scratch(work), CopyWhole(environment, work), convert)
    return Plan(f"{MOVE} --dry-run", environment, (*steps, Discard(work), *sweep), commits_after=len(steps))


def _scratches(environment: str, move: Move) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The first and the last step: nobody looks for scratch databases where the environment is not declared."""
    if move.url is None:
        return (), ()
    where = (environment, move.url, move.password_file)
    return (OwnScratches(*where),), (SweepScratches(*where),)
