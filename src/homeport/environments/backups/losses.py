"""What going back to older data would lose, as people read it."""

from __future__ import annotations

from typing import Final

from homeport.contract import DataLoss

_LOST: Final = (
    ("messages", "messages"),
    ("tasks_created", "tasks that were created"),
    ("tasks_changed", "older tasks that were changed"),
    ("lessons", "lessons"),
    ("projects", "projects that were created"),
    ("instances", "instances that registered for the first time"),
    ("tokens", "tokens that were made"),
    ("imported", "imported records"),
)


def loss_lines(loss: DataLoss) -> list[str]:
    """One line that says how much and since when, and one for each kind of thing."""
    name, position = loss["environment"], loss["position"]
    lines = []
    if not loss["comparable"]:
        lines.append(
            f"Position {position} is of other data, or of a history that {name} has left: all that it holds counts."
        )
    if loss["since"] is None:
        return [*lines, f"Nothing: {name} has nothing newer than position {position}."]
    lines.append(f"{loss['events']} events of {name} would be lost, from {loss['since']} to {loss['until']}:")
    numbers = {text: count for key, text in _LOST if isinstance(count := loss.get(key), int) and count}
    return [*lines, *(f"  {count} {text}" for text, count in numbers.items())]


def lost_in_words(loss: DataLoss) -> str:
    """The same within a sentence: ``3 messages, 1 lessons (4 events since 2026-10-02T06:15:00Z)``."""
    numbers = [f"{count} {text}" for key, text in _LOST if isinstance(count := loss.get(key), int) and count]
    return f"{', '.join(numbers) or 'what happened'} ({loss['events']} events since {loss['since']})"
