"""What is told of a store that is closed, whatever keeps it."""

from __future__ import annotations

from homeport.errors import UnavailableError


def closed() -> UnavailableError:
    """The refusal of whoever asks it for something all the same."""
    return UnavailableError("The store is closed.", "The server is stopping; call again when it is back.")
