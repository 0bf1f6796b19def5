"""Servers of one environment on several machines: of different releases for long, or of one that is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from homeport.contract.database import DatabaseState
from homeport.contract.servers import lives_with, server_in_words
from homeport.environments.doctor.finding import Finding
from homeport.environments.words import span

LONG_SECONDS: Final = 3600.0
"""Longer than a deploy takes that rolls through all machines."""


def find_server_faults(name: str, state: DatabaseState, now: datetime) -> Iterator[Finding]:
    """What is wrong with the servers that have an environment's database open.

    Args:
        name: of the environment.
        state: of its database.
        now: the time, with a zone.
    """
    schema, servers = state["schema"], state["servers"]
    lost = [one for one in servers if not lives_with(one["knows"], schema, state["usable_from"])]
    if lost:
        yield Finding(
            kind="server-left-behind",
            environment=name,
            severity="critical",
            sentence=f"{len(lost)} servers of {name} cannot live with the schema {schema} that its data have.",
            evidence=tuple(f"{server_in_words(one)} knows {one['knows']}" for one in lost),
            consequence="They refuse all that they are asked, and clients must find another one.",
            mend=f"on each of these machines: homeport deploy {name}, or homeport rollback {name}",
        )
    began: dict[str, datetime] = {}
    for one in servers:
        if not one["since"]:
            continue  # Nobody can say for how long.
        since = datetime.fromisoformat(one["since"])
        began[one["release"]] = min(since, began.get(one["release"], since))
    seconds = (now - max(began.values())).total_seconds() if len(began) > 1 else 0.0
    if seconds >= LONG_SECONDS and not lost:
        yield Finding(
            kind="servers-differ",
            environment=name,
            severity="warning",
            sentence=f"The servers of {name} have been of {len(began)} releases for {span(seconds)}.",
            evidence=tuple(map(server_in_words, servers)),
            consequence="Clients meet one or the other by chance; what was mended is mended on some machines.",
            mend=f"homeport deploy {name} on the machines that are behind",
        )
