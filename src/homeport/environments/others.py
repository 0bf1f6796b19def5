"""Servers of one environment on other machines: which of them are in the way of what is about to happen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from homeport.contract.servers import ServerSeen, server_in_words
from homeport.environments.steps import Step, step_kind
from homeport.errors import GuardError


@step_kind
@dataclass(frozen=True, slots=True)
class DemandOthers(Step):
    """No server of another machine has an environment's data open that could not live with what is about to happen.

    Attributes:
        environment: whose.
        release: the one that brings the data to its schema; empty where other data take their place, and nobody may
            have them open.
    """

    environment: str
    release: str = ""

    def __str__(self) -> str:
        what = f"cannot live with what {self.release} makes of them" if self.release else "has them open"
        return f"make sure that no other machine's server of {self.environment} {what}"


def demand_none(environment: str, others: Sequence[ServerSeen]) -> None:
    """Refuses to put other data in place of those that servers of other machines have open.

    Raises:
        GuardError: one has; all of them are named.
    """
    if others:
        raise GuardError(
            f"Other machines have the data of {environment} open: {_words(others)}. Nothing was changed.",
            f"On each of them: homeport stop {environment}. Then do this again, and start them afterwards.",
            servers=[dict(one) for one in others],
        )


def demand_living(environment: str, others: Sequence[ServerSeen], pending: Sequence[str], *, together: bool) -> None:
    """Refuses to migrate data under servers of other machines that could not live with that.

    Args:
        environment: whose.
        others: the servers of other machines.
        pending: the migrations that are to run, the oldest first.
        together: whether the release before can live with all of them.

    Raises:
        GuardError: one could not; all of them are named.
    """
    if not pending or together:
        return
    in_the_way = [one for one in others if one["knows"] < pending[-1]]
    if in_the_way:
        raise GuardError(
            f"Servers of other machines could not live with {', '.join(pending)}: {_words(in_the_way)}. Nothing was"
            " changed.",
            f"On each of them: homeport stop {environment}. Then do this again, and the same there afterwards.",
            servers=[dict(one) for one in in_the_way],
        )


def _words(others: Sequence[ServerSeen]) -> str:
    return "; ".join(map(server_in_words, others))
