"""Serves one environment: puts the parts together, and takes them apart again in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvicorn
import uvloop

from homeport.contract import CameFrom, ExitCode, Identity, ServeSettings
from homeport.coordination.store import Store
from homeport.coordination.values import Millis, RandomIds
from homeport.datalock import is_migrating
from homeport.errors import CannotStartError
from homeport.operations.catalogue import CATALOGUE
from homeport.operations.dispatcher import Dispatcher
from homeport.operations.operation import Place
from homeport.server.documents import Documents
from homeport.server.draining import DrainingServer
from homeport.server.entrances import Entrances, open_entrances
from homeport.server.errands import errands, in_turn
from homeport.server.handed import take_handed
from homeport.server.keeper import Keeper, opened_data
from homeport.server.listening import BACKLOG, allow_connections
from homeport.server.manager import WATCHDOG, extension, manager_from, status
from homeport.server.naming import here, name_of
from homeport.server.notes import BackupsFile, read_origin, read_survey
from homeport.server.opening import DataPlace, Opened
from homeport.server.proofs import Board, SharedProof
from homeport.server.readiness import EXTRA_SECONDS, announce, patience, until_there
from homeport.server.requests import RequestDirectory
from homeport.server.turns import Turns, wait_while_held
from homeport.server.watchdog import Watchdog
from homeport.server.wire import protocol_of
from homeport.transports.doors import Known
from homeport.transports.gate import Gate
from homeport.transports.health import About
from homeport.transports.log import Log, LogHandler
from homeport.transports.oauth.place import OAuthPlace
from homeport.transports.oauth.realm import Realm
from homeport.transports.offer import Offer
from homeport.transports.proof import Proof
from homeport.transports.pushes import PushesEndpoint
from homeport.transports.site import Site
from homeport.whereabouts import shown

AHEAD_SECONDS: Final = 5.0
"""After a server listens, or stands by: whoever waits for it, or for it to take over, is answered first, by a core that
has nothing else to do."""
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than a proxy keeps its connections to us (nginx: 60), so that it is never we who close first."""


def serve(settings: ServeSettings) -> ExitCode:
    """Serves until SIGTERM or SIGINT.

    Raises:
        CannotStartError: see :func:`homeport.server.run`.
    """
    log = Log(settings.environment, settings.log_format)
    _collect_logs(log)
    allow_connections()
    manager = manager_from(os.environ, os.getpid())
    handed = take_handed(os.environ, os.getpid())
    directory = Path(settings.data_directory)
    if settings.standby:
        patience_please = partial(manager.tell, extension(EXTRA_SECONDS), status("Waiting for the data"))
        wait_while_held(directory, settings.release, patience_please, time.sleep)
    try:
        with (
            opened_data(_data_place(settings), standby=settings.standby) as (identity, lock),
            open_entrances(settings, handed) as entrances,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            turns = Turns(directory) if settings.standby else None
            runner.run(_serve(settings, identity, entrances, Keeper(manager, lock, turns), log))
    except CannotStartError as error:
        manager.tell(status(str(error)))
        raise
    finally:
        log.flush()
    return ExitCode.DONE


async def _serve(
    settings: ServeSettings, held: Identity | None, entrances: Entrances, keeper: Keeper, log: Log
) -> None:
    manager, environment = keeper.manager, settings.environment
    async with _opened(settings, held, keeper, log) as data, AsyncExitStack() as life:
        store = data.store
        origin = read_origin(Path(settings.data_directory), log)
        dispatcher = Dispatcher(CATALOGUE, store, _place(settings, origin), _now, RandomIds())
        backups = _backups(settings, data.board, life)
        site = _site(settings, data, origin, dispatcher, backups, keeper, log)

        def text() -> str:
            return f"{'Standing by' if keeper.stands_by else 'Serving'} {environment} on {', '.join(entrances.where)}"

        def started() -> None:
            where = {} if settings.database is None else {"database": shown(settings.database.url)}
            log.event("info", "listening", address=entrances.where, data_directory=settings.data_directory, **where)
            if not settings.rehearsal:
                life.callback(asyncio.get_running_loop().call_later(AHEAD_SECONDS, _load_ahead, site).cancel)
            _settle()
            if manager.present:
                _background(life, announce(manager, store, text, log))

        server = DrainingServer(http_config(site), started, lambda: keeper.drain(site.drain), entrances.private)
        if manager.watchdog_seconds is not None:
            beat = partial(manager.tell, WATCHDOG)
            asked = store if settings.database is None else None
            _background(life, Watchdog(manager.watchdog_seconds, asked, beat, log).run())
        doing = partial(errands, store, environment, _now, log, rehearsal=settings.rehearsal)
        if data.turns is not None:
            doing = partial(in_turn, partial(data.turns, doing))
        try:
            if keeper.turns is None:
                await life.enter_async_context(doing())
                await server.serve(entrances.public)
            else:
                await life.enter_async_context(keeper.turn(partial(server.listen, entrances.public), doing, text, log))
                await server.serve([])
        finally:
            log.event("info", "stopped")


def _background(life: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    """Runs work beside the server for as long as that lives."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        await asyncio.wait([task])

    life.push_async_callback(end)


@asynccontextmanager
async def _opened(settings: ServeSettings, held: Identity | None, keeper: Keeper, log: Log) -> AsyncIterator[Opened]:
    place = _data_place(settings)
    async with patience(keeper.manager, time.monotonic):
        opening = partial(place.opened, held, beside_server=keeper.lock.shared)
        data = await until_there(opening, keeper.manager, log)
    try:
        yield data
    finally:
        await data.store.close()


def _backups(settings: ServeSettings, board: Board | None, life: AsyncExitStack) -> Callable[[], Proof]:
    """How the backups are: as this machine knows, or all of them together. A rehearsal says nothing to others."""
    file = BackupsFile(None if settings.state_file is None else Path(settings.state_file))
    if board is None or settings.rehearsal:
        return file.read
    shared = SharedProof(file.read, board, here(Path(settings.data_directory)))
    _background(life, shared.run())
    return shared.read


def _data_place(settings: ServeSettings) -> DataPlace:
    directory, database = Path(settings.data_directory), settings.database
    if database is not None:
        database = replace(database, called=name_of(directory, settings.release))
    return DataPlace(directory, settings.environment, database)


def _site(
    settings: ServeSettings,
    data: Opened,
    origin: CameFrom | None,
    dispatcher: Dispatcher,
    backups: Callable[[], Proof],
    keeper: Keeper,
    log: Log,
) -> Site:
    about = About(
        environment=settings.environment,
        version=settings.version,
        release=settings.release,
        data_directory=settings.data_directory,
        database=None if settings.database is None else shown(settings.database.url),
        identity=data.identity["id"],
        backups=backups,
        origin=origin,
        rehearsal=settings.rehearsal,
        standby=lambda: keeper.stands_by,
        migrating=partial(is_migrating, Path(settings.data_directory)),
        database_bytes=dispatcher.store.size,
        survey=partial(read_survey, None if settings.survey_file is None else Path(settings.survey_file)),
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
            sse_ports=frozenset(() if settings.sse_port is None else (settings.sse_port,)),
            oauth=_oauth(settings, dispatcher.store, log),
            pushes=_pushes(settings, log),
        ),
        known=Known(
            hosts=(settings.listen, *settings.allowed_hosts),
            origins=settings.allowed_origins,
            proxies=settings.trusted_proxies,
        ),
        wire=data.wire,
    )


def _oauth(settings: ServeSettings, store: Store, log: Log) -> OAuthPlace | None:
    if settings.oauth_host is None:
        return None
    host, environment = settings.oauth_host, settings.environment
    # A client's document lies wherever the client says, which is outside.
    fetch = None if settings.rehearsal else Documents().fetch
    return OAuthPlace(Realm(host=host, environment=environment, store=store, log=log, clock=_now, fetch=fetch))


def _pushes(settings: ServeSettings, log: Log) -> PushesEndpoint | None:
    """None in a rehearsal too, which asks nobody for anything."""
    pushes = settings.pushes
    if pushes is None or settings.rehearsal:
        return None
    requests = RequestDirectory(Path(pushes.requests_directory), Path(pushes.secret_file))
    return PushesEndpoint(pushes.branches, requests, log)


def _place(settings: ServeSettings, origin: CameFrom | None) -> Place:
    return Place(
        environment=settings.environment,
        version=settings.version,
        data_directory=settings.data_directory,
        started_at=_now(),
        release=settings.release,
        origin=None if origin is None else {"environment": origin["environment"], "at": origin["at"]},
        rehearsal=settings.rehearsal,
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


def _load_ahead(site: Site) -> None:
    """Has what is dear to load be there before somebody asks for it; else the first who does waits half a second."""
    site.official.load()
    site.pages.load()
    site.openapi.load()


def _settle() -> None:
    """Takes what start-up has left out of the collector's sight: it stays, and need not be looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _collect_logs(log: Log) -> None:
    """What libraries log goes into the server's own stream, and from WARNING up only."""
    logging.basicConfig(level=logging.WARNING, handlers=[LogHandler(log)], force=True)
