"""The plans of ``homeport migrate``: on a copy that is thrown away, or on one that takes the place of the data."""

from __future__ import annotations

from pathlib import PurePosixPath

from homeport.environments.backups.data_steps import DATA, Discard, Scratch, Settle
from homeport.environments.backups.plans import Target, discard_kept, exchange, nobody_else
from homeport.environments.backups.steps import MakeBackup
from homeport.environments.migrations.steps import CopyWhole, MigrateCopy
from homeport.environments.plan import Plan
from homeport.environments.services.steps import ComeBack, StopServer

KEPT = "before-migrate"
"""What the name says of data while it is not yet certain that a server runs on the migrated ones."""


def plan_migrate(target: Target, pending: tuple[str, ...], safety: str) -> Plan:
    """Backs up, migrates a copy while no server runs, and has it take the place of the data.

    Where a server runs it is stopped only after the migrations succeeded on a copy: it may be of the release before,
    while what would be started in its place cannot start on data that it cannot migrate. Until the server is well on
    the new data all is taken back by renames; the old data go after that, since the backup was read back.

    Args:
        target: the data as they were found.
        pending: what is run.
        safety: the id of the backup that is made first.
    """
    name, work = target.environment, target.beside("migrating")
    tried = (CopyWhole(name, work), MigrateCopy(name, work, pending, first=True))
    stop = (*tried, ComeBack(name), StopServer(name)) if target.running else ()
    steps = (
        *nobody_else(target),
        MakeBackup(name, safety, "migrate"),
        Scratch(work),
        *stop,
        CopyWhole(name, work),
        MigrateCopy(name, work, pending),
        Settle(work / DATA, target.mode, target.owner),
        *exchange(target, work, KEPT),
    )
    return Plan("migrate", name, (*steps, *discard_kept(target, KEPT), Discard(work)), commits_after=len(steps))


def plan_trial(environment: str, pending: tuple[str, ...], work: PurePosixPath) -> Plan:
    """Migrates a copy, which is thrown away; what is live is only read.

    Args:
        environment: whose data.
        pending: what is run.
        work: a directory to make, on no path of the data.
    """
    steps = (Scratch(work), CopyWhole(environment, work), MigrateCopy(environment, work, pending))
    return Plan("migrate --dry-run", environment, (*steps, Discard(work)), commits_after=len(steps))
