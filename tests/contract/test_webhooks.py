"""What every store does with webhooks."""

from __future__ import annotations

from dataclasses import replace

from homeport.coordination.store import Records, Store
from homeport.coordination.webhooks import Webhook
from homeport.secret import Secret
from tests.support.desk import START

ONE = Webhook("b", "https://example.org/größe", Secret("whsec_x"), START, 7, ("task", "message.sent"))


async def test_a_webhook_comes_back_as_it_was_put_and_the_oldest_first(store: Store) -> None:
    failing = replace(
        ONE, id="a", created_at=START + 1, failures=2, next_attempt_at=START + 9, last_error="It said 500."
    )

    def work(records: Records) -> None:
        for webhook in (failing, ONE):
            records.webhooks.put(webhook)

    await store.write(work)
    assert await store.read(lambda records: list(records.webhooks.all())) == [ONE, failing]
    assert await store.read(lambda records: records.webhooks.get("a")) == failing
    await store.write(lambda records: records.webhooks.delete("a"))
    assert await store.read(lambda records: records.webhooks.get("a")) is None


async def test_those_that_are_parked_are_named_the_oldest_first(store: Store) -> None:
    def work(records: Records) -> None:
        for webhook_id, at, parked in (("c", 2, START), ("b", 1, None), ("a", 3, START + 1)):
            records.webhooks.put(replace(ONE, id=webhook_id, created_at=START + at, parked_at=parked))

    assert await store.read(lambda records: records.webhooks.parked()) == []
    await store.write(work)
    assert await store.read(lambda records: records.webhooks.parked()) == ["c", "a"]
