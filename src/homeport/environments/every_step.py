"""Every kind of step there is: importing this makes journals readable, whichever command began what stands in them."""

from __future__ import annotations

from typing import Final

from homeport.environments import others, steps
from homeport.environments.adoption import steps as adoption_steps
from homeport.environments.backups import data_steps, database_steps
from homeport.environments.backups import steps as backup_steps
from homeport.environments.machine import steps as machine_steps
from homeport.environments.migrations import steps as migration_steps
from homeport.environments.releases import steps as release_steps
from homeport.environments.services import steps as service_steps

MODULES: Final = (
    *(steps, others, adoption_steps, backup_steps, data_steps, database_steps, machine_steps),
    *(migration_steps, release_steps, service_steps),
)
"""The modules that have steps; a new one gets its place here."""
