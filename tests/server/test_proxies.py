"""Limits and the log, for clients behind a proxy and for those that pretend to be."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import anyio
import httpx2

from homeport.server.draining import DrainingServer
from homeport.server.serving import http_config
from tests.support.listening import listening
from tests.support.site import BASE, Served, served

STATUS = "/api/v1/status"
HERE = ("127.0.0.0/8", "::1", "unix")


def calling_from(site: Served, address: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(site.site.app, client=(address, 1)), base_url=BASE)


async def statuses(http: httpx2.AsyncClient, *clients: str) -> list[int]:
    return [(await http.get(STATUS, headers={"x-forwarded-for": one})).status_code for one in clients]


async def test_anonymous_callers_behind_a_proxy_have_a_limit_each() -> None:
    async with served(rate_limit=2, proxies=HERE) as site:
        one, other = "203.0.113.1", "203.0.113.2"
        assert await statuses(site.http, one, one, one, other, f"{other}, {one}") == [200, 200, 429, 200, 429]
        assert site.logged()[-2]["client"] == other
        assert site.logged()[-1]["client"] == one


async def test_a_stranger_gains_nothing_by_a_forged_header() -> None:
    async with served(rate_limit=2, proxies=HERE) as site, calling_from(site, "198.51.100.7") as http:
        assert await statuses(http, "203.0.113.1", "203.0.113.2", "127.0.0.1") == [200, 200, 429]
        assert {line["client"] for line in site.logged()} == {"198.51.100.7"}


async def test_without_a_proxy_the_callers_of_this_machine_are_one() -> None:
    async with served(rate_limit=2) as site:
        assert await statuses(site.http, "203.0.113.1", "203.0.113.2", "203.0.113.3") == [200, 200, 429]


async def test_a_failed_attempt_is_logged_and_limited_by_the_clients_address() -> None:
    async with served(auth="tokens", proxies=HERE) as site:
        assert await statuses(site.http, *["203.0.113.1"] * 61, "203.0.113.2") == [401] * 60 + [429, 401]
        refused = [line for line in site.logged() if line["event"] == "caller refused"]
        assert [line["client"] for line in refused] == ["203.0.113.1"] * 60 + ["203.0.113.2"]


async def test_streams_are_counted_by_the_clients_address() -> None:
    async with listening(streams_per_client=1, proxies=HERE) as server, httpx2.AsyncClient(timeout=60) as http:
        one, other = ({"x-forwarded-for": address} for address in ("203.0.113.1", "203.0.113.2"))
        async with http.stream("GET", server.sse_url, headers=one) as first:
            assert first.status_code == 200
            assert (await http.get(server.sse_url, headers=one)).status_code == 429
            async with http.stream("GET", server.sse_url, headers=other) as second:
                assert second.status_code == 200
                assert len(server.served.site.streams) == 2


async def test_a_proxy_on_a_unix_socket_is_believed_where_that_is_declared(tmp_path: Path) -> None:
    for trusted, client in ((HERE, "203.0.113.1"), (("127.0.0.0/8",), "unix")):
        path = tmp_path / f"{client}.sock"
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
            async with served(proxies=trusted) as site:
                started = anyio.Event()
                server = DrainingServer(http_config(site.site), started.set, site.site.drain)
                ended = asyncio.create_task(server.serve([one]))
                await started.wait()
                transport = httpx2.AsyncHTTPTransport(uds=str(path))
                async with httpx2.AsyncClient(transport=transport, base_url=BASE) as http:
                    assert await statuses(http, "203.0.113.1") == [200]
                server.should_exit = True
                await ended
                assert [line["client"] for line in site.logged()] == [client]
