"""A whole site in process: the real ASGI application on the memory store, called without a socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from typing import Any, Final

import httpx2

from homeport.contract import CameFrom
from homeport.coordination.store import Records, Store
from homeport.coordination.values import JsonObject
from homeport.operations.catalogue import CATALOGUE
from homeport.operations.dispatcher import Dispatcher
from homeport.operations.operation import Arguments, Call, Http, Operation, Place
from homeport.storage.memory import MemoryStore
from homeport.transports.doors import Known
from homeport.transports.gate import Gate
from homeport.transports.health import About
from homeport.transports.log import Log
from homeport.transports.oauth.place import OAuthPlace
from homeport.transports.oauth.realm import Fetch, Realm
from homeport.transports.offer import Offer
from homeport.transports.site import Site
from tests.support.desk import START, CountedIds

MODERN: Final = "2026-07-28"
LEGACY: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
BASE: Final = "http://127.0.0.1:3448"
ACCEPT: Final = "application/json, text/event-stream"
ENVELOPE: Final = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}


class Nothing(Arguments):
    """No arguments."""


def fail(records: Records, given: Nothing, call: Call) -> JsonObject:
    """Work with a fault that nobody foresaw, and with something inside that must not get out."""
    raise RuntimeError("the secret inside")


BROKEN: Final = Operation(
    name="broken",
    summary="Fails.",
    arguments=Nothing,
    work=fail,
    kind="read",
    http=Http("GET", "/broken"),
    listed=False,
)


@dataclass
class Served:
    """A site, a client of it, and what it logged."""

    site: Site
    http: httpx2.AsyncClient
    dispatcher: Dispatcher
    log: Log
    gate: Gate
    lines: list[str] = field(default_factory=list)

    def logged(self) -> list[dict[str, Any]]:
        """The log's lines, as objects."""
        self.log.flush()
        return [json.loads(line) for text in self.lines for line in text.splitlines()]

    async def post(self, body: object, headers: Mapping[str, str] | None = None, path: str = "/mcp") -> httpx2.Response:
        """Posts JSON, or bytes as they are, with these headers and the content type alone."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"content-type": "application/json", **(headers or {})}
        return await self.http.post(path, content=content, headers=given)

    async def old(self, method: str, **params: Any) -> dict[str, Any]:
        """As a client of the earlier server: a request with no revision, no initialize, no Accept."""
        response = await self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        return dict(response.json())

    async def call(
        self, version: str | None, name: str, arguments: dict[str, Any] | None = None, *, through_sdk: bool = False
    ) -> dict[str, Any]:
        """One ``tools/call`` in a revision; a progress token sends it through the SDK."""
        body, headers = tool_call(version, name, arguments or {}, progress=through_sdk)
        response = await self.post(body, headers)
        return read(response)


def tool_call(
    version: str | None, name: str, arguments: dict[str, Any], *, progress: bool = False
) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and headers of a call, as a client of the revision sends them."""
    params: dict[str, Any] = {"name": name, "arguments": arguments}
    headers: dict[str, str] = {}
    if version is not None:
        headers = {"accept": ACCEPT, "mcp-protocol-version": version}
    if version == MODERN:
        headers |= {"mcp-method": "tools/call", "mcp-name": name}
        params["_meta"] = dict(ENVELOPE)
    if progress:
        params["_meta"] = {**params.get("_meta", {}), "progressToken": "t"}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, headers


def modern(method: str, **params: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and headers of a request of the newest revision."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": dict(ENVELOPE)}}
    return body, {"accept": ACCEPT, "mcp-protocol-version": MODERN, "mcp-method": method}


def read(response: httpx2.Response) -> dict[str, Any]:
    """The JSON-RPC response, from a JSON body or from the last event of a stream."""
    if response.headers["content-type"].startswith("text/event-stream"):
        data = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: {")]
        return dict(json.loads(data[-1]))
    return dict(response.json())


@asynccontextmanager
async def served(store: Store | None = None, **settings: Any) -> AsyncIterator[Served]:
    """A site of the environment ``development``, open.

    Settings are those of :class:`Site`, :class:`Offer`, :class:`Known` and :class:`Gate`, ``origin`` of the data, and
    the text of the ``survey``, and whether its data are ``migrating``.
    """
    gates = {
        name: settings.pop(name)
        for name in ("auth", "rate_limit", "clock", "monotonic", "oauth_host")
        if name in settings
    }
    offers = {one.name: settings.pop(one.name) for one in fields(Offer) if one.name in settings}
    known = Known(**{one.name: tuple(settings.pop(one.name, ())) for one in fields(Known)})
    store = store or MemoryStore()
    lines: list[str] = []
    log = Log("development", write=lines.append)
    place = Place("development", "0.0.0", "/data", START)
    catalogue = {**CATALOGUE, BROKEN.name: BROKEN}
    dispatcher = Dispatcher(catalogue, store, place, lambda: START, CountedIds())
    gate = Gate(store, "development", log, **{"auth": "open", "clock": lambda: START, **gates})
    host, clock = gates.get("oauth_host"), gates.get("clock", lambda: START)
    fetch: Fetch | None = settings.pop("fetch", None)
    origin: CameFrom | None = settings.pop("origin", None)
    survey: Callable[[], bytes | None] = settings.pop("survey", lambda: None)
    migrating: Callable[[], bool] = settings.pop("migrating", lambda: False)
    shares = {"monotonic": gates["monotonic"]} if "monotonic" in gates else {}
    realm = host and Realm(
        host=host, environment="development", store=store, log=log, clock=clock, fetch=fetch, **shares
    )
    offers["oauth"] = OAuthPlace(realm) if realm else None
    site = Site(
        dispatcher,
        About("development", "0.0.0", None, "/data", "an-id", origin=origin, survey=survey, migrating=migrating),
        log,
        gate,
        offer=Offer(**offers),
        known=known,
        **settings,
    )
    transport = httpx2.ASGITransport(site.app)
    async with site.running(), httpx2.AsyncClient(transport=transport, base_url=BASE) as http:
        # The client's own defaults would make every test one of a client that accepts everything.
        for name in ("accept", "accept-encoding", "user-agent"):
            http.headers.pop(name, None)
        yield Served(site, http, dispatcher, log, gate, lines)
    await store.close()
