"""What must be so before a server that was started by hand is touched; nothing was changed where it is not."""

from __future__ import annotations

from homeport.environments.adoption.facts import AdoptionFacts
from homeport.environments.environment import Environment
from homeport.errors import GuardError


def check_adoption(environment: Environment, facts: AdoptionFacts) -> None:
    """Judges whether there is something to adopt, and whether it is what is declared.

    Raises:
        GuardError: it is not; the sentence says why.
    """
    name, port = environment.name, environment.http_port
    if facts.managed_by is not None and not facts.processes:
        raise GuardError(
            f"The server of {name} was not started by hand: it runs as {facts.managed_by}.",
            f"homeport provision {name} keeps it as declared; a unit of another name is stopped and disabled first.",
            unit=facts.managed_by,
        )
    if facts.strangers:
        raise GuardError(
            facts.strangers[0], f"End it, or declare another port for {name}.", strangers=list(facts.strangers)
        )
    if not facts.processes:
        raise GuardError(
            f"Nothing that was started by hand listens on port {port} of {name}: there is nothing to adopt.",
            f"homeport provision {name} makes its units and starts it.",
        )
    if facts.live is not None and facts.live.path != environment.data_directory:
        raise GuardError(
            f"The server of {name} writes to {facts.live.path}, and {environment.data_directory} is declared.",
            f'Declare data = "{facts.live.path}" in [environments.{name}]: {facts.live.how}.',
            live=str(facts.live.path),
            declared=str(environment.data_directory),
        )
    if not facts.holds_data:
        raise GuardError(
            f"{environment.data_directory} of {name} is empty or not there, while its server runs.",
            "Declare the directory that the server writes to (data = ...); homeport doctor says what it sees.",
        )
    if facts.closed:
        raise GuardError(
            facts.closed[0],
            f"The server will run as the user {environment.user}: let others pass there (chmod o+x, o+r), or move it.",
            closed=list(facts.closed),
        )
