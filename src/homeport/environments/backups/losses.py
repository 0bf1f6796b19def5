"""What going back to older data would lose, as people read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from homeport.contract.losses import DataLoss

_LOST: Final = (
    ("messages", "messages"),
    ("tasks_created", "tasks that were created"),
    ("tasks_changed", "older tasks that were changed"),
    ("lessons", "lessons"),
    ("projects", "projects that were created"),
    ("instances", "instances that registered for the first time"),
    ("tokens", "tokens that were made"),
    ("imported", "imported records"),
    ("webhooks", "webhooks that were made"),
    ("webhooks_removed", "webhooks that were removed, and would be there again"),
    ("clients", "clients that registered to sign in"),
    ("sign_ins", "sign-ins, which have to be made again"),
)
_UNTOLD: Final = ("webhooks", "webhooks_removed", "clients", "sign_ins")
"""Of these there are no events."""


def loses(loss: DataLoss) -> bool:
    """Whether anything that was stored would be gone."""
    return loss["events"] > 0 or any(_of(loss, _UNTOLD))


def loss_lines(loss: DataLoss) -> list[str]:
    """One line that says how much and since when, and one for each kind of thing."""
    name, position = loss["environment"], loss["position"]
    lines = []
    if not loss["comparable"]:
        lines.append(
            f"Position {position} is of other data, or of a history that {name} has left: all that it holds counts."
        )
    if not loses(loss):
        return [*lines, f"Nothing: {name} has nothing newer than position {position}."]
    if loss["events"]:
        lines.append(f"{loss['events']} events of {name} would be lost, from {loss['since']} to {loss['until']}:")
    else:
        lines.append(f"No event of {name} would be lost, but what there is none of:")
    return [*lines, *(f"  {number}" for number in _numbers(loss))]


def lost_in_words(loss: DataLoss) -> str:
    """The same within a sentence: ``3 messages, 1 lessons (4 events since 2026-10-02T06:15:00Z)``."""
    since = f" ({loss['events']} events since {loss['since']})" if loss["events"] else ""
    return f"{', '.join(_numbers(loss)) or 'what happened'}{since}"


def _numbers(loss: DataLoss) -> list[str]:
    keys = [key for key, _ in _LOST]
    return [f"{count} {text}" for (_, text), count in zip(_LOST, _of(loss, keys), strict=True) if count]


def _of(loss: DataLoss, keys: Iterable[str]) -> list[int]:
    """These numbers; 0 for one that an older release does not tell."""
    return [count if isinstance(count := loss.get(key), int) else 0 for key in keys]
