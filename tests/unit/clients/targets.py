"""Servers to connect with, as values."""

from __future__ import annotations

from pathlib import PurePosixPath

from homeport.clients.client import Places
from homeport.clients.target import Target
from homeport.secret import Secret

TOKEN = "hpt_production_0123"
PLACES = Places(home=PurePosixPath("/home/ada"), here=PurePosixPath("/home/ada/team"), platform="linux")
BRIDGE = ("/opt/homeport/bin/homeport", "stdio")

OPEN = Target(
    environment="development",
    name="homeport-development",
    http_url="http://127.0.0.1:3446/mcp",
    sse_url="http://127.0.0.1:3447/sse",
    bridge=(*BRIDGE, "development", "--config", "/srv/team/homeport.toml"),
)
GUARDED = Target(
    environment="production",
    name="homeport",
    http_url="https://coordination.example.org/mcp",
    sse_url="https://coordination.example.org/sse",
    oauth_url="https://agents.example.org/mcp",
    bridge=(*BRIDGE, "production", "--url", "https://coordination.example.org/mcp"),
    needs_token=True,
)


def holding(target: Target, *, write: bool = False) -> Target:
    """The same server, with a token at hand."""
    return Target(
        environment=target.environment,
        name=target.name,
        http_url=target.http_url,
        sse_url=target.sse_url,
        oauth_url=target.oauth_url,
        bridge=target.bridge,
        needs_token=True,
        token=Secret(TOKEN),
        write_token=write,
    )
