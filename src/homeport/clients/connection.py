"""How a client connects, once its configuration was read and its variables were put in."""

from __future__ import annotations

from dataclasses import dataclass, field

from homeport.clients.target import Transport
from homeport.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection; ``url`` and ``headers`` of http and sse, ``command`` and ``variables`` of stdio."""

    transport: Transport
    revision: str
    """``auto`` for the newest that both know, else the one that the client asks for."""
    url: str = ""
    headers: dict[str, Secret] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    variables: dict[str, Secret] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    """Variables that the configuration refers to and that are not set."""

    @property
    def shows_token(self) -> bool:
        """Whether something is shown that should be a token."""
        return any(name.lower() == "authorization" for name in self.headers)
