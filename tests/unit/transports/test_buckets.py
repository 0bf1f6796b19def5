"""How many requests a caller may make."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from homeport.transports import buckets
from homeport.transports.buckets import Buckets


def test_a_full_bucket_gives_its_limit_at_once_and_then_no_more() -> None:
    three = Buckets(3)
    levels = [three.take("a", 100.0) for _ in range(4)]
    assert [(level.allowed, level.remaining) for level in levels] == [(True, 2), (True, 1), (True, 0), (False, 0)]
    assert levels[-1].next_in == 20


def test_a_refused_request_costs_nothing_and_the_bucket_fills_evenly() -> None:
    three = Buckets(3)
    for _ in range(10):
        three.take("a", 0.0)
    assert not three.take("a", 19.9).allowed
    assert three.take("a", 20.0).allowed
    assert three.take("a", 200.0).remaining == 2


def test_each_caller_has_a_bucket_of_its_own() -> None:
    one = Buckets(1)
    assert one.take("a", 0.0).allowed
    assert not one.take("a", 0.0).allowed
    assert one.take("b", 0.0).allowed


@given(st.integers(1, 500), st.lists(st.floats(0, 30), max_size=200))
def test_never_more_passes_than_the_limit_allows(limit: int, pauses: list[float]) -> None:
    tested, now, passed = Buckets(limit), 0.0, 0
    for pause in pauses:
        now += pause
        level = tested.take("a", now)
        passed += level.allowed
        assert 0 <= level.remaining <= limit
        assert level.allowed or level.next_in >= 1
    assert passed <= limit + now * limit / 60 + 1


def test_who_waits_as_long_as_was_said_may_pass() -> None:
    tested, now = Buckets(7), 0.0
    for _ in range(50):
        level = tested.take("a", now)
        if not level.allowed:
            now += level.next_in
            assert tested.take("a", now).allowed


def test_the_memory_for_callers_is_bounded_and_forgets_the_oldest() -> None:
    one = Buckets(1)
    one.take("first", 0.0)
    for number in range(buckets._REMEMBERED):
        one.take(str(number), 0.0)
    assert len(one._filled) == buckets._REMEMBERED
    assert not one.take(str(buckets._REMEMBERED - 1), 0.0).allowed
    assert one.take("first", 0.0).allowed


def test_the_headers_say_what_is_left_in_both_forms() -> None:
    level = Buckets(6000).take("a", 0.0)
    assert dict(level.headers()) == {
        b"ratelimit-limit": b"6000",
        b"ratelimit-remaining": b"5999",
        b"ratelimit-reset": b"1",
        b"ratelimit-policy": b'"default";q=6000;w=60',
        b"ratelimit": b'"default";r=5999;t=1',
    }
