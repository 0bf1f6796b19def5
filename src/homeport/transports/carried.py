"""What an ASGI scope carries from our side of a request to the SDK's handlers."""

from __future__ import annotations

from typing import Final

EXCHANGE: Final = "homeport.exchange"
"""The exchange: in whose name a call runs, what the log says of it."""
WATCHER: Final = "homeport.watcher"
"""Who is to be told of changes, where the client has a stream for that."""
