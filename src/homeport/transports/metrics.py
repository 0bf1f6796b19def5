"""What a server counts, and ``/metrics`` in the text form of Prometheus.

Counting is plain arithmetic in the event loop's thread, without locks and without the library, which is loaded for the
first who asks. Labels have few values and name no person: kinds of requests, classes of status, codes of errors.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Final

from homeport.transports.exchange import Exchange

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

PATH: Final = "/metrics"
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""
MINUTES: Final = 180
"""That are remembered one by one."""
LASTING: Final = frozenset({"stream", "wait"})
"""Kinds whose duration is the client's wish; they are counted and not timed."""

_TEXT: Final = b"text/plain; version=0.0.4; charset=utf-8"
_KINDS: Final = {
    "/mcp": "mcp",
    "/health": "health",
    PATH: "metrics",
    "/messages": "sse",
    "/sse": "stream",
    "/api/v1/events": "stream",
}


class Minute:
    """What was answered within one minute: how many, how many of them failed, and how long they took.

    Attributes:
        number: minutes since the epoch of the clock.
        buckets: by :data:`BUCKETS`, without what lasts as long as a client wishes.
    """

    __slots__ = ("buckets", "failed", "number", "requests")

    def __init__(self, number: int) -> None:
        self.number = number
        self.requests = 0
        self.failed = 0
        self.buckets = [0] * (len(BUCKETS) + 1)


class Metrics:
    """Counts requests; :meth:`families` gives the counts to whoever asks, :attr:`minutes` those of the last hours.

    Args:
        waits: names of operations that answer when something happens.
        monotonic: seconds.

    Attributes:
        minutes: the last :data:`MINUTES`, the oldest first; one in which nothing was asked is left out.
        began: when counting began.
    """

    def __init__(self, waits: Iterable[str] = (), monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self.began = monotonic()
        self.minutes: deque[Minute] = deque(maxlen=MINUTES)
        self._waits = frozenset(waits)
        self._requests: Counter[tuple[str, int]] = Counter()
        self._errors: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self._buckets: dict[str, list[int]] = {}

    def request(self, exchange: Exchange, seconds: float) -> None:
        """A request was answered."""
        kind = self._kind(exchange)
        self._requests[kind, exchange.status // 100] += 1
        minute = self._minute()
        minute.requests += 1
        minute.failed += exchange.status >= 500
        if exchange.error is not None:
            self._errors[exchange.error] += 1
        if kind in LASTING:
            return
        buckets = self._buckets.get(kind)
        if buckets is None:
            buckets = self._buckets[kind] = [0] * (len(BUCKETS) + 1)
            self._seconds[kind] = 0.0
        place = bisect_left(BUCKETS, seconds)
        buckets[place] += 1
        minute.buckets[place] += 1
        self._seconds[kind] += seconds

    def families(self) -> Iterable[Metric]:
        """The counts, for the library."""
        from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily

        requests = CounterMetricFamily(
            "homeport_requests", "Requests that were answered.", labels=("kind", "status_class")
        )
        for (kind, status), count in sorted(self._requests.items()):
            requests.add_metric((kind, f"{status}xx"), count)
        yield requests
        errors = CounterMetricFamily("homeport_errors", "Requests that were refused or failed.", labels=("code",))
        for code, count in sorted(self._errors.items()):
            errors.add_metric((code,), count)
        yield errors
        times = HistogramMetricFamily(
            "homeport_request_seconds", "Time to the end of an answer, but for streams and waits.", labels=("kind",)
        )
        for kind, counts in sorted(self._buckets.items()):
            times.add_metric((kind,), _cumulative(counts), self._seconds[kind])
        yield times

    def _minute(self) -> Minute:
        number = int(self.monotonic() // 60)
        if not self.minutes or self.minutes[-1].number != number:
            self.minutes.append(Minute(number))
        return self.minutes[-1]

    def _kind(self, exchange: Exchange) -> str:
        tool = exchange.tool
        if tool in self._waits:
            return "wait"
        kind = _KINDS.get(exchange.path)
        if tool == "subscriptions/listen" or (kind == "mcp" and exchange.method == "GET"):
            return "stream"
        if kind is not None:
            return kind
        return "api" if exchange.path.startswith("/api/") else "other"


class Gauge:
    """Something that is asked for when somebody looks.

    Args:
        name: without a unit that it does not have; ``homeport_`` stands before it.
        text: what it is.
        ask: the value, or None where there is none now.
    """

    def __init__(self, name: str, text: str, ask: Callable[[], float | Awaitable[float | None] | None]) -> None:
        self.name = f"homeport_{name}"
        self.text = text
        self.ask = ask


class MetricsEndpoint:
    """Answers ``/metrics``.

    Args:
        metrics: what was counted.
        gauges: what is asked for.
        build: labels of the one sample that says what runs here.
    """

    def __init__(self, metrics: Metrics, gauges: Iterable[Gauge], build: dict[str, str]) -> None:
        self._metrics = metrics
        self._gauges = tuple(gauges)
        self._build = build
        self._started = time.time()

    async def __call__(self, exchange: Exchange) -> None:
        from prometheus_client import CollectorRegistry, generate_latest

        values = [await _value(gauge) for gauge in self._gauges]
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collected(lambda: self._families(values)))
        text = generate_latest(registry)
        await exchange.respond(
            200, text, b"text/plain; version=0.0.4; charset=utf-8", [(b"cache-control", b"no-store")]
        )

    def _families(self, values: Iterable[float | None]) -> Iterable[Metric]:
        from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily

        yield InfoMetricFamily("homeport_build", "What runs here.", value=self._build)
        yield GaugeMetricFamily("homeport_start_time_seconds", "When it started.", value=self._started)
        for gauge, value in zip(self._gauges, values, strict=True):
            if value is not None:
                yield GaugeMetricFamily(gauge.name, gauge.text, value=value)
        yield from self._metrics.families()


class _Collected:
    """As the library asks for it."""

    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self.collect = families


async def _value(gauge: Gauge) -> float | None:
    """What it is now; some have to ask a database for it."""
    answer = gauge.ask()
    return await answer if isinstance(answer, Awaitable) else answer


def _cumulative(counts: list[int]) -> list[tuple[str, float]]:
    """Buckets as the text form has them: each holds all that are below it."""
    found: list[tuple[str, float]] = []
    total = 0
    for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
        total += count
        found.append((bound, total))
    return found
