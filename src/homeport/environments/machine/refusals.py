"""What must be so before a machine is changed; nothing was changed where it is not."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from homeport.environments.environment import Environment
from homeport.environments.machine.drift import Drift
from homeport.environments.machine.facts import MachineFacts
from homeport.errors import GuardError


def check_machine(environment: Environment, facts: MachineFacts) -> None:
    """Judges what the units would meet.

    Raises:
        GuardError: a port is held by somebody else, the program is out of the user's reach, or another program is
            missing.
    """
    for setting, port in environment.ports.items():
        if port in facts.ports_held:
            raise GuardError(
                f"Port {port} ({setting} of {environment.name}) is held by {facts.ports_held[port]}.",
                f"If that is its server, homeport adopt {environment.name} moves it under systemd; else stop it, or "
                "declare another port.",
                port=port,
            )
    if facts.closed:
        raise GuardError(
            facts.closed[0],
            "Install Homeport and put the declaration where every user may read it, such as /opt and /srv.",
            closed=list(facts.closed),
        )
    if facts.lacking:
        raise GuardError(*facts.lacking[0])
    if environment.proxy is not None and facts.nginx is None:
        raise GuardError(
            f'{environment.name} declares proxy = "nginx", and nginx is not installed here.',
            'Install it, or declare proxy = "none".',
        )


def check_drift(environment: Environment, drift: Sequence[Drift]) -> None:
    """Judges what would be lost.

    Raises:
        GuardError: a file was edited by hand, or was there before Homeport.
    """
    lost = [one for one in drift if one.is_in_the_way]
    if not lost:
        return
    more = f" ({len(lost) - 1} more)" if len(lost) > 1 else ""
    raise GuardError(
        f"{lost[0]}{more}; nothing was changed.",
        f"{shlex.join(['homeport', 'provision', environment.name, '--dry-run'])} shows the difference; "
        "--overwrite-drift replaces it and keeps a copy. For systemd, a drop-in (systemctl edit) is the better place.",
        drift=[one.as_json() for one in drift],
    )
