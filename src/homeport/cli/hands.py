"""The hands for every step that a command may have to carry out, or find left open by a run that was killed."""

from __future__ import annotations

from pathlib import PurePosixPath

from homeport.cli.surroundings import backup_hands, surroundings_of
from homeport.environments.declaration import Declaration
from homeport.environments.environment import Environment
from homeport.host.adoption import ADOPTION_HANDS
from homeport.host.adoption.data import data_hands
from homeport.host.carrying import all_hands
from homeport.host.hands import Hands
from homeport.host.hands.checkouts import CHECKOUT_HANDS
from homeport.host.hands.services import service_hands
from homeport.host.machine import MACHINE_HANDS
from homeport.host.services.choosing import manager_for


def hands_of(declaration: Declaration, environment: Environment) -> Hands:
    """All hands that there are, for operations on an environment."""
    file = PurePosixPath(declaration.file)
    servers = service_hands(declaration.environments, lambda one: manager_for(one, file))
    around = surroundings_of(declaration, environment)
    return all_hands(MACHINE_HANDS, CHECKOUT_HANDS, ADOPTION_HANDS, servers, backup_hands(around), data_hands(around))
