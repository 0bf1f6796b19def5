"""One plain request, to tell apart what every client of the protocol would only call a failure."""

from __future__ import annotations

from typing import ClassVar, Final
from urllib.parse import urlsplit

import httpx2

from homeport.clients.client import PASTE
from homeport.clients.connection import Connection
from homeport.clients.target import TOKEN_VARIABLE
from homeport.contract import ENVIRONMENT_HEADER
from homeport.errors import HomeportError
from homeport.outbound.endpoint import Endpoint, make_client, tls_fault
from homeport.outbound.refusals import refused, said

_PING: Final = b'{"jsonrpc": "2.0", "id": "probe", "method": "ping"}'


class TrialError(HomeportError):
    """A connection does not work; the sentence says why, as a person would."""

    code: ClassVar[str] = "connection"


async def probe(connection: Connection, environment: str | None) -> None:
    """Asks once, and looks at who answers.

    Raises:
        TrialError: nobody does, or not who should, or not to us.
    """
    endpoint = Endpoint(url=connection.url, environment=environment, headers=connection.headers)
    async with make_client(endpoint, agent="homeport-connect") as http:
        method = "GET" if connection.transport == "sse" else "POST"
        accept = "text/event-stream" if method == "GET" else "application/json, text/event-stream"
        headers = {"Accept": accept, **({} if method == "GET" else {"Content-Type": "application/json"})}
        try:
            request = http.stream(method, endpoint.url, headers=headers, content=None if method == "GET" else _PING)
            async with request as response:
                # The body of a stream that works does not end.
                body = b"" if response.is_success else await response.aread()
        except httpx2.TimeoutException:
            raise TrialError(f"{endpoint.shown} takes the connection and does not answer.") from None
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise unreachable(endpoint, error) from None
    fault = _fault(endpoint, connection, response, body)
    if fault is not None:
        raise fault


def unreachable(endpoint: Endpoint, error: Exception) -> TrialError:
    """What to say of a server that cannot be spoken with."""
    parts = urlsplit(endpoint.url)
    start = f"Start it: homeport up {endpoint.environment or 'ENV'}. If it runs, compare ports: homeport config show."
    fault = tls_fault(error)
    if fault:
        plain = parts.hostname in {"127.0.0.1", "localhost", "::1"}
        hint = "Homeport itself speaks plain http: the address of its own port begins with http://." if plain else ""
        return TrialError(
            f"{endpoint.shown}: {fault}.", hint or "Mend the certificate, or trust the one who signed it."
        )
    if "Name or service" in str(error) or "nodename" in str(error) or "name resolution" in str(error):
        return TrialError(f"There is no host {parts.hostname}.", "Compare the address in the configuration.")
    if isinstance(error, httpx2.ConnectError):
        return TrialError(f"Nothing listens at {endpoint.shown}.", start)
    return TrialError(
        f"What listens at {endpoint.shown} does not speak HTTP as the address has it.",
        "Is it https:// where the address says http://, or another program's port?",
    )


def _fault(endpoint: Endpoint, connection: Connection, response: httpx2.Response, body: bytes) -> TrialError | None:
    there = response.headers.get(ENVIRONMENT_HEADER)
    if there is None:
        own = "" if response.is_success else f" (status {response.status_code})"
        return TrialError(
            f"What answers at {endpoint.shown} is not Homeport{own}: its answers have no {ENVIRONMENT_HEADER}.",
            "Compare the address: homeport config show. A proxy in front must pass that header on.",
        )
    if endpoint.environment is not None and there != endpoint.environment:
        return TrialError(
            f"{endpoint.shown} is {there}'s, not {endpoint.environment}'s.", "Compare the ports: homeport config show."
        )
    if response.status_code == 401:
        return _unknown(endpoint, connection, body)
    if response.status_code == 421:
        host = urlsplit(endpoint.url).hostname
        return TrialError(
            f"{there} does not answer for the host {host}.",
            f'Add "{host}" to allowed_hosts of {there}, and restart it.',
        )
    if not response.is_success:
        hint = "Streamable HTTP is at /mcp, HTTP+SSE at /sse of its own port." if response.status_code == 404 else ""
        return TrialError(refused(endpoint, response.status_code, body, response.headers.get("location")), hint)
    return None


def _unknown(endpoint: Endpoint, connection: Connection, body: bytes) -> TrialError:
    who = endpoint.environment or endpoint.shown
    make = f"homeport token create {endpoint.environment or 'ENV'}"
    if PASTE in connection.missing:
        return TrialError(f"{who} asks for a token.", "The entry still says where the token is to be pasted.")
    if connection.missing:
        names = " and ".join(connection.missing)
        return TrialError(f"{who} asks for a token.", f"The entry takes it from {names}, which is not set here.")
    if not connection.shows_token:
        return TrialError(
            f"{who} asks for a token, and none is shown.", f"{make} makes one; put it into {TOKEN_VARIABLE}."
        )
    own = said(body)
    return TrialError(f"{who} does not take the token{f': {own}' if own else ''}.", f"{make} makes another.")
