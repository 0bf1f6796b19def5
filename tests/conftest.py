"""What holds for every test: the event loop, hypothesis' profile, a clean environment, and who may be skipped."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpcore2
import pytest
from hypothesis import settings

from homeport.contract import DatabaseAddress
from homeport.coordination.store import Store
from tests.support.browser import find_chromium
from tests.support.desk import Desk, opened
from tests.support.nginx import find_nginx
from tests.support.node import NodeTools, find_node_tools
from tests.support.postgres import Cluster, cluster, find_postgres
from tests.support.stores import ADAPTERS, STORES, on_postgres

# Shared cores make single examples slow now and then; a deadline per example would only report that.
settings.register_profile("homeport", deadline=None, print_blob=True)
settings.load_profile("homeport")


def pytest_configure() -> None:
    """Forget the settings of a server that happens to run in the developer's shell, and how that was started.

    What is dear and the same each time is done once: compiled Python is kept, and the world's certificates, which each
    HTTP client would read anew in 35 ms of a core, are read by the first.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    used: dict[str, Any] = vars(httpcore2)
    used["default_ssl_context"] = cache(httpcore2.default_ssl_context)
    for name in [name for name in os.environ if name.startswith("HOMEPORT_")]:
        del os.environ[name]
    # A shell starts what runs in its background deaf to Ctrl-C, and every child inherits that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name what failed at once: the report comes at the end, which a run that is cut short does not reach."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        crash = getattr(report.longrepr, "reprcrash", None)
        said = crash.message if crash else report.longreprtext
        sys.stderr.write(f"\nFAILED {report.nodeid} ({report.when}): {said.strip()[:300]}\n")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip by name, in the summary, what needs npm's tools, nginx, a browser or PostgreSQL that is not installed."""
    reasons = {}
    if find_node_tools() is None:
        reasons["needs_node"] = "the npm tools are not installed: `make node` installs them where npm is or may be"
    if find_nginx() is None:
        reasons["needs_nginx"] = "nginx is not installed: `make system` installs it where that is possible"
    if find_chromium() is None:
        reasons["needs_browser"] = "chromium is not installed: `make system` installs it where that is possible"
    if find_postgres() is None:
        reasons["needs_postgres"] = "PostgreSQL is not installed: `make system` installs it where that is possible"
    for item in items:
        for marker, reason in reasons.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
    _longest_first(items)


def _longest_first(items: list[pytest.Item]) -> None:
    """Modules that boot machines, then those with slow tests, then all others: no worker begins a long one last."""
    ranks = {item.path: 2 for item in items}
    for item in items:
        rank = 0 if item.get_closest_marker("system") else 1 if item.get_closest_marker("slow") else 2
        ranks[item.path] = min(ranks[item.path], rank)
    items.sort(key=lambda item: ranks[item.path])


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests and fixtures (plain ``async def``) run on asyncio, as the server does."""
    return "asyncio"


@pytest.fixture(scope="session")
def node_tools() -> NodeTools:
    """The locked node and the directory it finds its packages in; for tests marked ``needs_node``."""
    tools = find_node_tools()
    assert tools is not None, "mark this test needs_node"
    return tools


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A cluster that all tests of a worker share; whoever stops it starts it again."""
    with cluster() as made:
        yield made


@pytest.fixture
def database(postgres: Cluster) -> Iterator[DatabaseAddress]:
    """An empty database of a test's own, over the socket; for tests marked ``needs_postgres``."""
    address = postgres.create()
    yield address
    postgres.drop(address)


@pytest.fixture(params=ADAPTERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A new, empty store; each test that asks for one runs once on every adapter."""
    if request.param == "postgres":
        async with on_postgres(request.getfixturevalue("postgres")) as on_database:
            yield on_database
        return
    opened_store = await STORES[request.param](tmp_path)
    try:
        yield opened_store
    finally:
        await opened_store.close()


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    """The operations, on every adapter."""
    async with opened(store) as desk:
        yield desk
