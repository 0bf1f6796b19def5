"""``homeport stdio``: a server on HTTP for a client that speaks over pipes alone."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace

from homeport.cli.declared import declaration_of
from homeport.cli.output import tell
from homeport.cli.tokens_given import token_given
from homeport.clients.target import endpoint_url
from homeport.contract import ExitCode
from homeport.errors import UsageError
from homeport.outbound.bridge import PATIENCE, run_bridge
from homeport.outbound.endpoint import Endpoint, is_loopback
from homeport.outbound.pipes import LineWriter, lines_of


def run(arguments: Namespace) -> int:
    """Carries messages until the client closes its end."""
    endpoint = Endpoint(url=_url(arguments), environment=arguments.environment, token=token_given(arguments))
    if endpoint.token is not None and endpoint.url.startswith("http:") and not is_loopback(endpoint.url):
        _log(f"the token goes to {endpoint.shown} unencrypted: better have https there")
    patience = PATIENCE if arguments.patience is None else arguments.patience
    asyncio.run(_serve(endpoint, patience))
    return ExitCode.DONE


def _url(arguments: Namespace) -> str:
    if arguments.url is not None:
        return endpoint_url(arguments.url, "http")
    if arguments.environment is None:
        raise UsageError("Which server?", "homeport stdio ENV, or homeport stdio --url URL.")
    environment = declaration_of(arguments).environment(arguments.environment)
    if environment.mcp_url is None:
        raise UsageError(f"{environment.name} does not offer streamable HTTP.", 'Add "http" to its protocols.')
    return environment.mcp_url


async def _serve(endpoint: Endpoint, patience: float) -> None:
    # Whatever else writes to stdout would break the client's protocol; it goes to its log instead.
    output = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    await run_bridge(endpoint, lines_of(sys.stdin.fileno()), LineWriter(output), _log, patience)


def _log(text: str) -> None:
    tell(f"homeport stdio: {text}")
