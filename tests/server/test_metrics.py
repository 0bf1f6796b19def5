"""``/metrics``: the text that Prometheus reads, of what really happened, for those who may ask."""

from __future__ import annotations

import time

import anyio
import httpx2
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from homeport.host.releases.measuring import count_requests
from homeport.operations.caller import ANYBODY
from homeport.transports.exchange import Exchange
from homeport.transports.metrics import BUCKETS, Metrics
from tests.support.site import Served, served
from tests.support.waiting import eventually

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """What Prometheus' own parser finds."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scraped(site: Served) -> Samples:
    response = await site.http.get("/metrics")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return samples(response.text)


def labelled(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


async def test_requests_are_counted_by_kind_and_status_and_timed(site: Served) -> None:
    await site.http.get("/health")
    await site.http.get("/nowhere")
    await site.http.get("/api/v1/status")
    found = await scraped(site)
    assert found["homeport_requests_total", labelled(kind="health", status_class="2xx")] == 1
    assert found["homeport_requests_total", labelled(kind="other", status_class="4xx")] == 1
    assert found["homeport_requests_total", labelled(kind="api", status_class="2xx")] == 1
    assert found["homeport_errors_total", labelled(code="not_found")] == 1
    assert found["homeport_request_seconds_count", labelled(kind="api")] == 1
    assert found["homeport_request_seconds_bucket", labelled(kind="api", le="+Inf")] == 1
    assert found["homeport_request_seconds_sum", labelled(kind="api")] > 0


@pytest.mark.parametrize("revision", [None, "2025-06-18", "2026-07-28"])
async def test_a_call_that_fails_inside_is_seen_by_who_watches_a_release(
    site: Served, revision: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(type(site.dispatcher), "call", broken)
    await site.call(revision, "get_server_status", {})
    assert (await site.http.get("/api/v1/status")).status_code == 500
    answered, failed, _ = count_requests((await site.http.get("/metrics")).text)
    assert (answered, failed) == (2, 2)


async def test_it_says_what_runs_here(site: Served) -> None:
    found = await scraped(site)
    (labels,) = [dict(labels) for name, labels in found if name == "homeport_build_info"]
    assert labels["environment"] == "development"
    assert labels["schema_version"] == site.dispatcher.store.schema_version
    assert 0 < found["homeport_start_time_seconds", frozenset()] <= time.time()


async def test_who_waits_is_shown_and_not_taken_for_slow(site: Served) -> None:
    await site.call(None, "register_instance", {"instanceId": "bob", "role": "dev"})
    async with anyio.create_task_group() as group:
        wait = {"instanceId": "bob", "timeout_seconds": 60}
        group.start_soon(site.call, None, "wait_for_messages", wait)

        async def waits() -> bool:
            return (await scraped(site))["homeport_waiting_agents", frozenset()] == 1

        await eventually(waits)
        site.dispatcher.close()
    found = await scraped(site)
    assert found["homeport_waiting_agents", frozenset()] == 0
    assert found["homeport_requests_total", labelled(kind="wait", status_class="2xx")] == 1
    assert ("homeport_request_seconds_count", labelled(kind="wait")) not in found


async def test_it_is_guarded_as_the_api_is() -> None:
    async with served(auth="tokens") as site:
        assert (await site.http.get("/health")).status_code == 200
        assert (await site.http.get("/metrics")).status_code == 401


async def test_by_the_private_socket_no_token_is_needed() -> None:
    async with served(auth="tokens") as site:
        scope_of = site.site.app

        async def by_socket(scope: dict[str, object], receive: object, send: object) -> None:
            scope["server"] = ("/run/homeport/blue.sock", None)
            await scope_of(scope, receive, send)  # type: ignore[arg-type]

        transport = httpx2.ASGITransport(by_socket)  # type: ignore[arg-type]
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            assert (await client.get("/metrics")).status_code == 200
            assert (await client.get("/api/v1/status")).status_code == 401


async def test_two_servers_in_one_process_count_apart_and_not_globally() -> None:
    before = {family.name for family in REGISTRY.collect()}
    async with served() as first, served() as second:
        await first.http.get("/health")
        found = await scraped(second)
        assert not [labels for name, labels in found if name == "homeport_requests_total"]
    assert {family.name for family in REGISTRY.collect()} == before


async def _nothing(*_: object) -> dict[str, object]:
    return {}


def test_a_request_falls_into_the_first_bucket_that_holds_it() -> None:
    metrics = Metrics()
    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": []}
    exchange = Exchange(scope, _nothing, _nothing, "1", (b"x", b"y"))  # type: ignore[arg-type]
    exchange.status, exchange.caller = 200, ANYBODY
    for seconds in (0.0, BUCKETS[0], BUCKETS[0] * 1.5, 1000.0):
        metrics.request(exchange, seconds)
    (times,) = [family for family in metrics.families() if family.name == "homeport_request_seconds"]
    held = {sample.labels["le"]: sample.value for sample in times.samples if "le" in sample.labels}
    assert (held["0.001"], held["0.0025"], held["10.0"], held["+Inf"]) == (2, 3, 3, 4)
