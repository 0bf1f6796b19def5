"""What a site offers to MCP clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from homeport.transports.extension import NOTHING, Extension
from homeport.transports.oauth.place import OAuthPlace
from homeport.transports.places import MAX_PER_CLIENT, MAX_STREAMS
from homeport.transports.pushes import PushesEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What MCP clients find.

    Attributes:
        streamable_http: whether ``/mcp`` is there.
        sse_ports: where HTTP+SSE is offered, and nothing else.
        extension: more than the catalogue has.
        streams: how many may be open at once, in all.
        streams_per_client: how many of one client.
        oauth: where clients sign in that cannot be handed a token, on a name of its own.
        pushes: takes the webhooks of a forge; None where none are taken.
    """

    streamable_http: bool = True
    sse_ports: frozenset[int] = frozenset()
    extension: Extension = NOTHING
    streams: int = MAX_STREAMS
    streams_per_client: int = MAX_PER_CLIENT
    oauth: OAuthPlace | None = None
    pushes: PushesEndpoint | None = None


EVERYTHING: Final = Offer()
