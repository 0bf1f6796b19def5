"""Asks every family of faults, and puts what they find into order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from homeport.environments.doctor.backup_jobs import find_backup_faults
from homeport.environments.doctor.crash_loops import find_crash_loops
from homeport.environments.doctor.data_places import find_data_faults
from homeport.environments.doctor.databases import find_database_faults
from homeport.environments.doctor.facts import HostFacts
from homeport.environments.doctor.finding import Finding, Kind
from homeport.environments.doctor.machine import find_machine_faults
from homeport.environments.doctor.operations import find_operation_faults
from homeport.environments.doctor.proxies import find_proxy_faults
from homeport.environments.doctor.replicas import find_replica_faults
from homeport.environments.doctor.services import find_service_faults
from homeport.environments.environment import Environment

_EXPLAINS: Final[Mapping[Kind, frozenset[Kind]]] = {
    "backup-failed": frozenset({"backup-same-disk"}),
    "data-shared": frozenset({"data-of-another", "data-elsewhere", "sandbox-misses-data", "backup-misses-data"}),
}
"""By kind, what else is seen of the same environment only because of it."""


def examine(environments: Sequence[Environment], facts: HostFacts, only: Sequence[str] = ()) -> list[Finding]:
    """All findings, the worst first.

    Args:
        environments: all that are declared: what is one's may be held by another.
        facts: of the machine.
        only: environments whose findings are wanted; the machine's own are always there. Empty for all.
    """
    found = [
        *find_crash_loops(environments, facts),
        *find_service_faults(environments, facts),
        *find_data_faults(environments, facts),
        *find_backup_faults(environments, facts),
        *find_replica_faults(environments, facts),
        *find_database_faults(environments, facts),
        *find_proxy_faults(environments, facts),
        *find_operation_faults(environments, facts),
        *find_machine_faults(environments, facts),
    ]
    explained = {(one.environment, kind) for one in found for kind in _EXPLAINS.get(one.kind, frozenset())}
    found = [one for one in found if (one.environment, one.kind) not in explained]
    wanted = [one for one in found if not only or one.environment is None or one.environment in only]
    order = {environment.name: number for number, environment in enumerate(environments)}
    return sorted(
        wanted,
        key=lambda one: (one.severity != "critical", order.get(one.environment or "", -1), one.kind, one.sentence),
    )
