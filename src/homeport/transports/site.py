"""The ports as a whole: which path is whose, and what lives as long as the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Literal

import orjson

from homeport.contract.pushes import PUSHES_PATH
from homeport.errors import UnauthorizedError
from homeport.operations.dispatcher import Dispatcher
from homeport.transports import listing
from homeport.transports.deferrals import Deferrals
from homeport.transports.doors import NOBODY_ELSE, Doors, Known
from homeport.transports.edge import Edge, Endpoint
from homeport.transports.elsewhere import Elsewhere
from homeport.transports.exchange import Exchange, environment_header
from homeport.transports.feed import PATH as EVENTS
from homeport.transports.feed import FeedEndpoint
from homeport.transports.gate import Gate
from homeport.transports.health import About, HealthEndpoint
from homeport.transports.kept import Kept
from homeport.transports.legacy import Legacy
from homeport.transports.log import Log
from homeport.transports.mcp import McpEndpoint
from homeport.transports.metrics import PATH as METRICS
from homeport.transports.metrics import Gauge, Metrics, MetricsEndpoint
from homeport.transports.offer import EVERYTHING, Offer
from homeport.transports.official import Official
from homeport.transports.openapi import OpenApiEndpoint
from homeport.transports.others import Others, Wire
from homeport.transports.pages import names
from homeport.transports.pages.ground import Ground
from homeport.transports.pages.place import PagesPlace
from homeport.transports.parts import Parts
from homeport.transports.places import Places
from homeport.transports.proof import moment
from homeport.transports.proxies import Proxies
from homeport.transports.relay import Relay
from homeport.transports.rest import PREFIX, RestEndpoint
from homeport.transports.results import Results
from homeport.transports.sessions import Sessions
from homeport.transports.shares import Shares
from homeport.transports.sse import MESSAGES, STREAM, SseEndpoint
from homeport.transports.subscriptions import Subscriptions

_READING: Final = ("GET", "HEAD")


class Site:
    """Everything that the HTTP port offers, and the SSE port.

    Args:
        dispatcher: runs the operations.
        about: what ``/health`` says of this server.
        log: of requests and failures.
        gate: says who is answered.
        protected: whether people rely on the data; agents are told.
        offer: what MCP clients find here.
        known: by which names, from which pages and by which proxies it is called.
        wire: to the other servers of the environment; None for one that has its data alone.

    Attributes:
        app: the ASGI application.
        environment: its name.
        official: the SDK; the server begins to load it when it listens.
        pages: what people look at; loaded likewise.
        openapi: what the JSON API is; loaded likewise.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        about: About,
        log: Log,
        gate: Gate,
        *,
        protected: bool = False,
        offer: Offer = EVERYTHING,
        known: Known = NOBODY_ELSE,
        wire: Wire | None = None,
    ) -> None:
        results = Results(about.environment, about.version)
        instructions = listing.instructions(about.environment, protected=protected)
        self._about = about
        self._dispatcher = dispatcher
        self._gate = gate
        self._others = others = Others(wire, log)
        self._shares = Shares(others)
        gate.share(self._shares)
        self.subscriptions = Subscriptions()
        self._stop_listening = dispatcher.store.listen(self.subscriptions.heard)
        self.streams = Places(offer.streams, offer.streams_per_client)
        self._deferrals = Deferrals(dispatcher.clock, self._deferral_changed, me=others.me)
        self._elsewhere = Elsewhere(others, self._deferrals, lambda one: self.subscriptions.announce(f"tasks/{one}"))
        told = (results, instructions, self.subscriptions, self.streams)
        self.official = Official(Parts(dispatcher, *told, offer.extension, log, self._deferrals, self._elsewhere))
        kept = Kept(self.subscriptions, dispatcher.store, dispatcher.clock, others)
        self.sessions = Sessions(self.streams, self.subscriptions, kept, others)
        legacy = Legacy(self.official, self.sessions, frozenset(offer.extension.tools), others)
        self._sse = SseEndpoint(self.official, self.streams, self.subscriptions, others.me)
        self._relay = Relay(others, self._answer_handed_on, environment_header(about.environment), log)
        self._sse_ports = offer.sse_ports
        metrics = Metrics(one.name for one in dispatcher.catalogue.values() if one.kind == "wait")
        self.openapi = OpenApiEndpoint(dispatcher.catalogue, about.version)
        self._places = self._fixed_places(offer, log, metrics)
        self._mcp = McpEndpoint(dispatcher, results, self.official, legacy, log) if offer.streamable_http else None
        self._rest = RestEndpoint(dispatcher)
        self._oauth = offer.oauth
        if offer.oauth is not None:
            offer.oauth.share(self._shares)
        if offer.pushes is not None:
            offer.pushes.share(others)
        self.pages = PagesPlace(
            Ground(
                dispatcher=dispatcher,
                about=about,
                gate=gate,
                log=log,
                protected=protected,
                metrics=metrics,
                shares=self._shares,
            ),
        )
        hosts = known.hosts if offer.oauth is None else (*known.hosts, offer.oauth.host)
        self.environment = about.environment
        proxies = Proxies(known.proxies) if known.proxies else None
        doors = Doors(hosts, known.origins)
        self.app = Edge(about.environment, self._route, doors, log, self.running, proxies, counted=metrics.request)

    def _fixed_places(self, offer: Offer, log: Log, metrics: Metrics) -> dict[str, tuple[Endpoint, tuple[str, ...]]]:
        """What answers at a path of its own, and to which methods."""
        about, store = self._about, self._dispatcher.store
        places: dict[str, tuple[Endpoint, tuple[str, ...]]] = {
            "/health": (HealthEndpoint(about, store, log), _READING),
            METRICS: (MetricsEndpoint(metrics, self._gauges(), about.build(store.schema_version)), _READING),
            "/openapi.json": (self.openapi, _READING),
            "/": (self._where_things_are, _READING),
            EVENTS: (FeedEndpoint(self._dispatcher.feed), ("GET",)),
        }
        if offer.pushes is not None:
            places[PUSHES_PATH] = (offer.pushes, ("POST",))
        return places

    async def _route(self, exchange: Exchange) -> None:
        path = exchange.path
        if self._is_sse(exchange):
            if await self._gate.admits(exchange, as_rpc=False) and not await self._relay.answers(exchange):
                await self._sse(exchange)
            return
        if self._oauth is not None and self._oauth.owns(exchange):
            await self._oauth(exchange)
            return
        if names.is_page(exchange):
            await self.pages(exchange)
            return
        if not _is_guarded(path) or (path == METRICS and _is_private(exchange)):
            await self._answer(exchange, path)
        elif await self._gate.admits(exchange, as_rpc=path == "/mcp", session=self._session(exchange)):
            try:
                await self._answer(exchange, path)
            except UnauthorizedError as error:
                await self._gate.turn_out(exchange, error, as_rpc=path == "/mcp")

    async def _answer(self, exchange: Exchange, path: str) -> None:
        if path == "/mcp" and self._mcp is not None:
            if self._others.alone or not await self._relay.answers(exchange):
                await self._mcp(exchange)
        elif path in self._places:
            endpoint, methods = self._places[path]
            if exchange.method in methods:
                await endpoint(exchange)
            else:
                error = {"code": "method", "message": f"{path} takes {', '.join(methods)}, not {exchange.method}."}
                await exchange.problem(405, dict(error), [(b"allow", ", ".join(methods).encode())])
        elif path.startswith(f"{PREFIX}/"):
            await self._rest(exchange)
        elif names.wants_page(exchange):
            await self.pages(exchange)
        else:
            hint = "GET / says where things are."
            await exchange.problem(404, {"code": "not_found", "message": "There is nothing here.", "hint": hint})

    async def _answer_handed_on(self, exchange: Exchange) -> None:
        """Answers what came to another server and belongs to this one."""
        if exchange.path.endswith(MESSAGES):
            await self._sse(exchange)
        elif self._mcp is not None:
            await self._mcp(exchange)

    def _session(self, exchange: Exchange) -> bytes | None:
        """What a page's browser shows, which cannot send a header with the feed; nothing else takes it for a token."""
        return names.session(exchange, self.environment) if exchange.path == EVENTS else None

    def _gauges(self) -> tuple[Gauge, ...]:
        about = self._about
        return (
            Gauge("open_streams", "Streams that are open.", lambda: len(self.streams)),
            Gauge("waiting_agents", "Agents that wait to be told something.", lambda: len(self._dispatcher.bell)),
            Gauge("database_bytes", "Size of the database with its log.", about.database_bytes),
            Gauge("last_backup_timestamp_seconds", "When the last good backup was made.", _when(about, "last_backup")),
            Gauge("last_drill_timestamp_seconds", "When a backup was last tried.", _when(about, "last_drill")),
        )

    def _is_sse(self, exchange: Exchange) -> bool:
        """Whether it came to the SSE port; a unix socket has no port, and all is offered there."""
        port = (exchange.scope.get("server") or ("", None))[1]
        if port is None:
            return bool(self._sse_ports) and exchange.path in (STREAM, MESSAGES)
        return port in self._sse_ports

    async def _where_things_are(self, exchange: Exchange) -> None:
        # Browsers get a page here, see names.is_page.
        answer = {
            "application": "homeport",
            "environment": self._about.environment,
            "version": self._about.version,
            **({"mcp": "/mcp"} if self._mcp is not None else {}),
            "api": PREFIX,
            "events": EVENTS,
            "openapi": "/openapi.json",
            "health": "/health",
            "metrics": METRICS,
        }
        await exchange.respond(200, orjson.dumps(answer), headers=[(b"vary", b"accept")])

    def _deferral_changed(self, deferral_id: str) -> None:
        self._elsewhere.changed(deferral_id)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Entered when the server starts, left when it ends."""
        works = [self.sessions.run(), self._shares.run(), *([] if self._others.alone else [self._elsewhere.run()])]
        background = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.wait(background)
            self._stop_listening()
            self.drain()
            await self._deferrals.close()
            await self.official.close()
            await self._gate.close()
            await self._others.close()

    def drain(self) -> None:
        """The end begins: waits are answered, and streams end once nothing is owed on them."""
        self.streams.closing = True
        self._dispatcher.close()
        self._sse.close()
        self.sessions.close()
        self.official.drain()


def _is_guarded(path: str) -> bool:
    """Whether not everybody may ask for it. What is open says nothing of a team: health, the API's document."""
    return path in ("/mcp", METRICS) or path.startswith(f"{PREFIX}/")


def _is_private(exchange: Exchange) -> bool:
    """Whether it came by the private socket, to which nobody but the server's own user and root has access."""
    return (exchange.scope.get("server") or ("", 0))[1] is None


def _when(about: About, name: Literal["last_backup", "last_drill"]) -> Callable[[], float | None]:
    def ask() -> float | None:
        text = getattr(about.backups(), name)
        return None if text is None else moment(text)

    return ask
