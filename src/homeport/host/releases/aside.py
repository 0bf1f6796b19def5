"""Data that were kept aside before a migration, and how one gets back to them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from homeport.contract import IDENTITY_FILE, DataFacts, ExitCode
from homeport.contract.database import ADDRESS_FILE
from homeport.contract.losses import DataLoss
from homeport.environments.backups.database_steps import label
from homeport.environments.backups.losses import loses, lost_in_words
from homeport.environments.environment import Environment
from homeport.environments.releases.steps import DemandNothingLost
from homeport.errors import HomeportError, UndecidedError
from homeport.files import sync_directory, write_atomically
from homeport.host.archives.tree import remove_tree
from homeport.host.commands import run_command
from homeport.host.data.asking import ask_program
from homeport.host.data.own import OwnData
from homeport.host.owners import owner_of, set_owner
from homeport.host.replication.holding import replication_held

_SECONDS: Final = 6 * 3600.0
AFTER: Final = ".left-"
"""Between the name of a data directory and that of the release whose data it has, which were left."""


def keep_aside(environment: Environment, program: Sequence[str], aside: Path) -> None:
    """Copies the data; no server has them open. They are a copy, so that they stay where they are, whatever happens.

    Raises:
        HomeportError: it cannot be done; nothing is left of it.
    """
    drop(aside)
    data = Path(environment.data_directory)
    OwnData(environment, program).snapshot(data, aside)
    owner = owner_of(data)
    for path in (aside, *aside.rglob("*")):
        set_owner(path, owner)
    aside.chmod(data.stat().st_mode & 0o777)


def put_back(environment: Environment, program: Sequence[str], aside: Path) -> None:
    """Has the data be those that were kept; the ones that are left stay beside them under another name.

    Args:
        environment: whose data; no server has them open.
        program: of a release that knows what was kept.
        aside: where that lies.

    Raises:
        HomeportError: what was kept is not sound, or its database cannot take the place of the other.
    """
    if not is_whole(aside):
        # It was put back already, or there was no time to finish it, and then nothing was migrated either.
        drop(aside)
        return
    data = Path(environment.data_directory)
    left = left_of(environment, aside)
    exchange_databases(environment, program, aside, left)
    with replication_held(environment):
        if data.exists():
            data.rename(left)
        aside.rename(data)
    forget_allowance(aside)
    sync_directory(data.parent)


def exchange_databases(
    environment: Environment, program: Sequence[str], comes: Path, left: Path, *, lies: Path | None = None
) -> None:
    """Where the data are in a database, has that of a copy take its place; a second run finds it done.

    Args:
        environment: whose data; no server has them open.
        program: of a release that knows what is in the copy.
        comes: the directory that will be the data directory.
        left: where the data directory will lie.
        lies: where it lies now, if ``comes`` has its place already.

    Raises:
        HomeportError: the copy is not sound, or the databases cannot be exchanged; nothing was.
    """
    if environment.database is None:
        return
    data, owner = Path(environment.data_directory), owner_of(comes)
    found: DataFacts = ask_program(program, "load", str(comes), allowed=(ExitCode.FINDINGS,), ends_with_us=True)
    if found["problems"]:
        raise HomeportError(f"What lies in {comes} is not sound: {found['problems'][0]['text']}")
    ending = label(PurePosixPath(left), PurePosixPath(data))
    words = ("--data", str(lies or data), "--incoming", str(comes), "--label", ending)
    ask_program(program, "exchange", environment.name, *words, ends_with_us=True)
    set_owner(comes / ADDRESS_FILE, owner)


def left_of(environment: Environment, aside: Path) -> Path:
    """Where data come to lie that are left for those that were kept aside; what lies there already stays.

    A person may have agreed to a loss because of it. Where a run was killed between two renames, they lie there.
    """
    data = Path(environment.data_directory)
    left = first = data.with_name(aside.name.replace(".before-", AFTER, 1))
    number = 1
    while left.exists():
        number += 1
        following = first.with_name(f"{first.name}-{number}")
        if not data.exists() and not following.exists():
            break
        left = following
    return left


def demand_nothing_lost(environment: Environment, program: Sequence[str], step: DemandNothingLost) -> None:
    """Refuses to go back where that loses something.

    Args:
        environment: whose data.
        program: of the release that serves them, which knows their schema.
        step: what was kept aside, and from which event on the release serves.

    Raises:
        UndecidedError: it would; what, and between what to choose, is said.
        HomeportError: nobody can tell.
    """
    aside = Path(step.aside)
    # What a person allowed needs no program, which may be what is broken.
    if is_allowed(aside) or not was_migrated(environment, program, aside):
        return
    if not Path(environment.data_directory).exists():
        # A run was killed between two renames: nobody served anything since.
        return
    words = ["lost", environment.name]
    if step.position is None:
        facts: DataFacts = _ask(program, "facts", str(aside))
        words += ["--position", str(facts["position"] or 0)]
        if facts["position_at"]:
            words += ["--position-at", facts["position_at"]]
        if facts["identity"]:
            words += ["--identity", facts["identity"]]
        # No server ran from then until the release began.
        kept = datetime.fromtimestamp((aside / IDENTITY_FILE).stat().st_mtime, UTC).isoformat()
        words += ["--taken", kept, "--webhooks", str(facts["counts"].get("webhooks", 0))]
    else:
        words += ["--position", str(step.position)]
    loss: DataLoss = _ask(program, *words)
    if loses(loss):
        name = environment.name
        raise UndecidedError(
            f"{step.release} is not well, and was left serving: going back would lose {lost_in_words(loss)}.",
            f"homeport deploy {name} --stay keeps it and what it stored. homeport deploy {name} --lose goes back to the"
            f" release before and its data ({aside}); what was stored since then stays in"
            f" {left_of(environment, aside)}, which no server reads.",
            aside=str(aside),
            lost=dict(loss),
        )


def was_migrated(environment: Environment, program: Sequence[str], aside: Path) -> bool:
    """Whether data were kept aside, and those that are live are of another schema by now: the next release had them.

    Also where none are live, since a run was killed between two renames: then those that were kept are all there is.

    Raises:
        HomeportError: nobody can tell.
    """
    if not is_whole(aside):
        return False
    if not Path(environment.data_directory).exists():
        return True
    kept: DataFacts = _ask(program, "facts", str(aside))
    live: DataFacts = _ask(program, "facts", str(environment.data_directory))
    return kept["schema_version"] != live["schema_version"]


def allow_loss(aside: Path) -> None:
    """A person agreed that what was stored since these data were kept is lost."""
    write_atomically(_allowance(aside), "")


def forget_allowance(aside: Path) -> None:
    """It was for that one time."""
    _allowance(aside).unlink(missing_ok=True)


def set_apart(aside: Path, mark: str) -> None:
    """Gives data that were kept aside a name that no later operation takes for its own, and would remove."""
    forget_allowance(aside)
    if aside.exists():
        aside.rename(aside.with_name(f"{aside.name}-{mark}"))
        sync_directory(aside.parent)


def _allowance(aside: Path) -> Path:
    return aside.with_name(f"{aside.name}.lose")


def is_allowed(aside: Path) -> bool:
    """Whether a person agreed to that."""
    return _allowance(aside).exists()


def drop(aside: Path) -> None:
    """Removes data that were kept aside, or left, and what was allowed of them."""
    forget_allowance(aside)
    if aside.exists():
        remove_tree(aside)
        sync_directory(aside.parent)


def is_whole(aside: Path) -> bool:
    """Whether a copy was finished: its identity is written last."""
    return (aside / IDENTITY_FILE).is_file()


def _ask(program: Sequence[str], *words: str) -> Any:  # noqa: ANN401 - each answer has its type
    done = run_command((*program, "data", *words, "--json"), seconds=_SECONDS)
    if done.code not in (ExitCode.DONE, ExitCode.FINDINGS):
        raise HomeportError(f"homeport data {words[0]} failed: {done.last_words}")
    return json.loads(done.output)
