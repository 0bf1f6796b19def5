"""Tries a connection as a client would make it. Importing this takes most of a second: it brings the official SDK."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import anyio
import httpx2
import mcp
import mcp_types as types
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from homeport import __version__
from homeport.clients.client import PASTE
from homeport.clients.connection import Connection
from homeport.clients.target import TOKEN_VARIABLE
from homeport.errors import HomeportError
from homeport.outbound.endpoint import Endpoint, make_client
from homeport.outbound.probe import TrialError, probe

SECONDS: Final = 30.0
"""For all of it: a client would have given up."""

_AGENT: Final = "homeport-connect"
_STATUS: Final = "get_server_status"
_PAGES: Final = 20
_OLDER: Final = "2025-11-25"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a client sees on the other side."""

    environment: str
    version: str
    name: str
    """Under which the server introduces itself."""
    revision: str
    tools: int
    speaks_as: str | None
    """The one instance that the token may speak as, where it is one."""


def try_connection(connection: Connection, environment: str | None) -> Seen:
    """Connects, looks, and leaves.

    Args:
        connection: what a client's configuration says.
        environment: who must answer, where that is known.

    Raises:
        TrialError: with what is wrong, and what to do.
    """
    return anyio.run(_try, connection, environment)


async def _try(connection: Connection, environment: str | None) -> Seen:
    where = connection.url or " ".join(connection.command)
    try:
        with anyio.fail_after(SECONDS):
            if connection.transport != "stdio":
                await probe(connection, environment)
            if connection.revision == "none" and connection.transport == "http":
                return await _plain(connection)
            async with _session(connection) as session:
                seen = await _look(session)
    except TimeoutError:
        raise TrialError(f"{where} does not answer within {SECONDS:g} s.", "Look at the server's log.") from None
    except BaseExceptionGroup as group:
        raise _told(_first(group), connection) from None
    except (mcp.MCPError, httpx2.HTTPError, OSError, ValueError, RuntimeError) as error:
        raise _told(error, connection) from None
    if environment is not None and seen.environment != environment:
        raise TrialError(
            f"{where} is {seen.environment}, not {environment}.", "Compare the ports: homeport config show."
        )
    return seen


@asynccontextmanager
async def _session(connection: Connection) -> AsyncIterator[mcp.ClientSession]:
    async with _transport(connection) as transport:
        if connection.revision == "auto":
            async with mcp.Client(transport) as client:
                yield client.session
            return
        async with transport as (reading, writing), mcp.ClientSession(reading, writing) as session:
            await _initialize(session, _OLDER if connection.revision == "none" else connection.revision)
            yield session


@asynccontextmanager
async def _transport(connection: Connection) -> AsyncIterator[Any]:
    headers = {name: value.reveal() for name, value in connection.headers.items()}
    if connection.transport == "stdio":
        with open(os.devnull, "w", encoding="utf-8") as log:  # noqa: ASYNC230, PTH123 - opens at once
            yield stdio_client(_program(connection), errlog=log)
    elif connection.transport == "sse":
        yield sse_client(connection.url, headers=headers, httpx_client_factory=_factory(connection))
    else:
        async with make_client(_endpoint(connection), agent=_AGENT) as http:
            yield streamable_http_client(connection.url, http_client=http)


def _program(connection: Connection) -> StdioServerParameters:
    command, *arguments = connection.command
    if "stdio" in arguments and "--patience" not in arguments:
        # Our own bridge would wait for a server that is away; here the answer is wanted at once.
        arguments += ["--patience", "0"]
    variables = {name: value.reveal() for name, value in connection.variables.items()}
    return StdioServerParameters(command=command, args=arguments, env={**os.environ, **variables})


def _factory(connection: Connection) -> Any:  # noqa: ANN401 - a protocol of the SDK's
    def make(headers: Mapping[str, str] | None = None, timeout: Any = None, auth: Any = None) -> httpx2.AsyncClient:  # noqa: ANN401
        del headers, timeout, auth
        return make_client(_endpoint(connection), agent=_AGENT)

    return make


async def _initialize(session: mcp.ClientSession, revision: str) -> None:
    """The handshake in one certain revision; the SDK's own asks for its newest."""
    request = types.InitializeRequest(
        params=types.InitializeRequestParams(
            protocol_version=revision,
            capabilities=types.ClientCapabilities(),
            client_info=types.Implementation(name=_AGENT, version=__version__),
        )
    )
    session.adopt(await session.send_request(request, types.InitializeResult))
    await session.send_notification(types.InitializedNotification())


async def _look(session: mcp.ClientSession) -> Seen:
    tools: list[types.Tool] = []
    cursor: str | None = None
    for _ in range(_PAGES):
        page = await session.list_tools(params=types.PaginatedRequestParams(cursor=cursor))
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    result = await session.call_tool(_STATUS, {})
    info = session.server_info
    return _seen(_answer(result), info.name if info else "", session.protocol_version or "", len(tools))


def _answer(result: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's result, of any revision
    texts = [one.text for one in result.content if isinstance(one, types.TextContent)]
    if result.is_error:
        raise TrialError(f"The server lists its tools and refuses {_STATUS}: {' '.join(texts)}")
    if isinstance(result.structured_content, dict):
        return result.structured_content
    return dict(json.loads(texts[0] if texts else "{}"))


def _seen(status: Mapping[str, Any], name: str, revision: str, tools: int) -> Seen:
    speaks_as = status.get("speaks_as")
    return Seen(
        environment=str(status.get("environment", "")),
        version=str(status.get("version", "")),
        name=name,
        revision=revision,
        tools=tools,
        speaks_as=speaks_as if isinstance(speaks_as, str) else None,
    )


async def _plain(connection: Connection) -> Seen:
    """As curl: no revision, no handshake."""
    async with make_client(_endpoint(connection), agent=_AGENT) as http:
        answers = []
        for method, params in (("tools/list", {}), ("tools/call", {"name": _STATUS, "arguments": {}})):
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            answers.append((await http.post(connection.url, json=body)).json())
    if "error" in answers[1]:
        raise TrialError(f"The server refuses {_STATUS}: {answers[1]['error'].get('message')}")
    return _seen(answers[1]["result"]["data"], "homeport", "none", len(answers[0]["result"]["tools"]))


def _endpoint(connection: Connection) -> Endpoint:
    return Endpoint(url=connection.url, headers=connection.headers)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _told(error: BaseException, connection: Connection) -> HomeportError:
    if isinstance(error, HomeportError):
        return error
    if isinstance(error, FileNotFoundError) and connection.command:
        return TrialError(
            f"The program {connection.command[0]} does not exist.", "Write the entry again: --write puts its path in."
        )
    reason = error.message if isinstance(error, mcp.MCPError) else str(error)
    reason = reason.rstrip(".") or type(error).__name__
    hint = "The program's own log says more: start it in a terminal." if connection.command else ""
    if "token" in reason.lower():
        hint = _token_hint(connection)
    return TrialError(f"{reason}.", hint)


def _token_hint(connection: Connection) -> str:
    """What to do about a token that the bridge has not, or that is not good."""
    if PASTE in connection.missing:
        return "The entry still says where the token is to be pasted."
    if connection.missing:
        return f"The entry takes it from {' and '.join(connection.missing)}, which is not set here."
    return f"homeport token create ENV makes one; give it in {TOKEN_VARIABLE} or with --token-file."
