"""Serves one environment: puts the parts together, and takes them apart again in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import uvicorn
import uvloop

from homeport.contract import ExitCode, Identity, ServeSettings
from homeport.coordination.store import Store
from homeport.coordination.values import Millis, RandomIds
from homeport.identity import open_data_directory
from homeport.operations.catalogue import CATALOGUE
from homeport.operations.dispatcher import Dispatcher
from homeport.operations.operation import Place
from homeport.server.documents import Documents
from homeport.server.draining import DrainingServer
from homeport.server.errands import errands
from homeport.server.listening import BACKLOG, allow_connections, bound_socket
from homeport.server.wire import protocol_of
from homeport.storage.sqlite import open_store
from homeport.transports.doors import Known
from homeport.transports.gate import Gate
from homeport.transports.health import About
from homeport.transports.log import Log, LogHandler
from homeport.transports.oauth.place import OAuthPlace
from homeport.transports.oauth.realm import Realm
from homeport.transports.offer import Offer
from homeport.transports.site import Site

KEEP_ALIVE_SECONDS: Final = 75
"""Longer than a proxy keeps its connections to us (nginx: 60), so that it is never we who close first."""


def serve(settings: ServeSettings, sockets: Sequence[socket.socket] = ()) -> ExitCode:
    """Serves until SIGTERM or SIGINT.

    Args:
        settings: what to serve, and where.
        sockets: bound ones that were handed over; without them the declared ports are taken.

    Raises:
        CannotStartError: see :func:`homeport.server.run`.
    """
    log = Log(settings.environment, settings.log_format)
    _collect_logs(log)
    allow_connections()
    with open_data_directory(Path(settings.data_directory), settings.environment) as identity:
        taken = list(sockets) or [bound_socket(settings.listen, port) for port in _ports(settings)]
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(settings, identity, taken, log))
        finally:
            for one in taken:
                one.close()
            log.flush()
    return ExitCode.DONE


async def _serve(settings: ServeSettings, identity: Identity, sockets: list[socket.socket], log: Log) -> None:
    async with _store(settings) as store:
        dispatcher = Dispatcher(CATALOGUE, store, _place(settings), _now, RandomIds())
        site = _site(settings, identity, dispatcher, log)

        def started() -> None:
            where = [one.getsockname() for one in sockets]
            log.event("info", "listening", address=where, data_directory=settings.data_directory)
            site.official.load()
            _settle()

        server = DrainingServer(http_config(site), started, site.drain)
        try:
            async with errands(store, settings.environment, _now, log):
                await server.serve(sockets)
        finally:
            log.event("info", "stopped")


@asynccontextmanager
async def _store(settings: ServeSettings) -> AsyncIterator[Store]:
    store: Store = await open_store(Path(settings.data_directory))
    try:
        yield store
    finally:
        await store.close()


def _site(settings: ServeSettings, identity: Identity, dispatcher: Dispatcher, log: Log) -> Site:
    about = About(
        environment=settings.environment,
        version=settings.version,
        release=settings.release,
        data_directory=settings.data_directory,
        identity=identity["id"],
    )
    return Site(
        dispatcher,
        about,
        log,
        Gate(
            dispatcher.store,
            settings.environment,
            log,
            auth=settings.auth,
            rate_limit=settings.rate_limit,
            oauth_host=settings.oauth_host,
        ),
        protected=settings.protected,
        offer=Offer(
            streamable_http=settings.streamable_http,
            sse_ports=frozenset(_ports(settings)[1:]),
            oauth=_oauth(settings, dispatcher.store, log),
        ),
        known=Known(
            hosts=(settings.listen, *settings.allowed_hosts),
            origins=settings.allowed_origins,
            proxies=settings.trusted_proxies,
        ),
    )


def _oauth(settings: ServeSettings, store: Store, log: Log) -> OAuthPlace | None:
    if settings.oauth_host is None:
        return None
    host, environment = settings.oauth_host, settings.environment
    fetch = Documents().fetch
    return OAuthPlace(Realm(host=host, environment=environment, store=store, log=log, clock=_now, fetch=fetch))


def _ports(settings: ServeSettings) -> list[int]:
    """The HTTP port, and the SSE port where there is one."""
    return [settings.http_port, *([] if settings.sse_port is None else [settings.sse_port])]


def _place(settings: ServeSettings) -> Place:
    return Place(
        environment=settings.environment,
        version=settings.version,
        data_directory=settings.data_directory,
        started_at=_now(),
        release=settings.release,
    )


def http_config(site: Site) -> uvicorn.Config:
    """How uvicorn serves a site; its own log is switched off, ours has the requests."""
    return uvicorn.Config(
        site.app,
        loop="none",
        http=protocol_of(site.environment),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )


def _now() -> Millis:
    return time.time_ns() // 1_000_000


def _settle() -> None:
    """Takes what start-up has left out of the collector's sight: it stays, and need not be looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _collect_logs(log: Log) -> None:
    """What libraries log goes into the server's own stream, and from WARNING up only."""
    logging.basicConfig(level=logging.WARNING, handlers=[LogHandler(log)], force=True)
