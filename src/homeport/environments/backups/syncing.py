"""Which environment's data may go into which."""

from __future__ import annotations

from homeport.contract import Scrub
from homeport.environments.environment import Environment
from homeport.errors import GuardError, UsageError


def check_sync(origin: Environment, target: Environment, scrub: Scrub | None) -> None:
    """Decides whether a sync may be planned at all.

    Args:
        origin: whose data are read.
        target: whose data are replaced.
        scrub: what was asked for; None where nothing was said.

    Raises:
        GuardError: the target is protected; no argument changes that.
        UsageError: the two are one, of two kinds, or what is to be scrubbed cannot be.
    """
    if target.protected:
        raise GuardError(
            f"{target.name} is protected: no other environment's data go into it.", "There is no way round."
        )
    if origin.name == target.name or origin.data_directory == target.data_directory:
        raise UsageError(f"{origin.name} and {target.name} have the same data.", "Name two environments.")
    if origin.is_foreign != target.is_foreign:
        raise UsageError(
            f"{origin.name} and {target.name} are different servers: one cannot read the other's data.",
            "homeport data import json-v1 brings an earlier server's data into Homeport.",
        )
    if origin.is_foreign and scrub != "none":
        raise UsageError(
            f"Nobody knows what is secret in the data of {origin.name}: its server is not Homeport's.",
            "--scrub none copies them as they are.",
        )
