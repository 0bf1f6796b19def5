"""The plan that puts a server back to the way in which it was started by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from homeport.environments.adoption.steps import ForgetProcess, RestoreProcess
from homeport.environments.environment import Environment
from homeport.environments.machine.facts import MachineFacts
from homeport.environments.machine.steps import AwaitAnswer, GiveTree
from homeport.environments.machine.units import socket_units
from homeport.environments.machine.unprovisioning import servers_off
from homeport.environments.plan import Plan
from homeport.environments.steps import Ownership, Step
from homeport.errors import GuardError


def plan_put_back(
    environment: Environment, machine: MachineFacts, kept: Sequence[PurePosixPath], owner: Ownership | None
) -> Plan:
    """Decides what is to be done. Units stay on the disk, switched off, and so do timers: backups go on.

    Args:
        environment: whose server.
        machine: what provision knows of it.
        kept: files that say how it was started by hand.
        owner: whose its data were.

    Raises:
        GuardError: it was not adopted, or is put back already.
    """
    name = environment.name
    if not kept:
        raise GuardError(
            f"Nothing says how the server of {name} was started by hand: it was not adopted, or is put back already.",
            f"homeport provision {name} --unprovision takes away what provision made.",
        )
    off = servers_off(environment, machine, socket_units(environment))
    given: list[Step] = [GiveTree(environment.data_directory, owner)] if owner is not None else []
    started = [RestoreProcess(file, environment.data_directory, environment.user) for file in kept]
    says = environment.service.health_says if environment.is_foreign else None
    steps = [*off, *given, *started, AwaitAnswer(environment.health_url, name, says)]
    forgotten = [ForgetProcess(file) for file in kept]
    return Plan("adopt --put-back", name, (*steps, *forgotten), len(steps))
