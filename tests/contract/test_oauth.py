"""What every store does with OAuth's records."""

from __future__ import annotations

from dataclasses import replace

from homeport.coordination.oauth import Client, Credential, Grant
from homeport.coordination.store import Records, Store
from tests.support.desk import MINUTE, START

CLIENT = Client("c", "Größe 🚀", ("https://a.example/cb", "https://b.example/cb"), START)
GRANT = Grant("g", "c", "Größe", "t", "write", START)
CODE = Credential("0" * 64, "code", "g", "c", "write", START, START + MINUTE, data={"redirect_uri": "https://a"})


async def test_what_was_put_comes_back_and_is_replaced(store: Store) -> None:
    ended, used = replace(GRANT, ended_at=START + 1), replace(CODE, used_at=START + 1)
    seen = replace(CLIENT, used_at=START + 1, fetched_at=START + 2)

    for client, grant, code in ((CLIENT, GRANT, CODE), (seen, ended, used)):

        def work(records: Records, client: Client = client, grant: Grant = grant, code: Credential = code) -> None:
            records.oauth.put_client(client)
            records.oauth.put_grant(grant)
            records.oauth.put_credential(code)

        await store.write(work)
        assert await store.read(lambda records: records.oauth.client("c")) == client
        assert await store.read(lambda records: records.oauth.grant("g")) == grant
        assert await store.read(lambda records: records.oauth.credential("0" * 64)) == code
    assert await store.read(lambda records: records.oauth.client("C")) is None
    assert await store.read(lambda records: records.oauth.grant("h")) is None
    assert await store.read(lambda records: records.oauth.credential("")) is None


async def test_clients_are_listed_the_oldest_first_and_deleted(store: Store) -> None:
    def work(records: Records) -> None:
        for client_id, at in (("c", 1), ("b", 0), ("a", 1)):
            records.oauth.put_client(replace(CLIENT, id=client_id, created_at=START + at))
        records.oauth.delete_client("a")
        records.oauth.delete_client("nobody")

    await store.write(work)
    assert await store.read(lambda records: [one.id for one in records.oauth.clients()]) == ["b", "c"]


async def test_what_expired_is_forgotten_and_grants_with_nothing_left(store: Store) -> None:
    def work(records: Records) -> None:
        for name, lasts in (("old", 1), ("new", 2)):
            records.oauth.put_grant(replace(GRANT, id=name))
            records.oauth.put_credential(replace(CODE, digest=name, grant_id=name, expires_at=START + lasts))
        records.oauth.forget(START + 1)

    await store.write(work)
    assert await store.read(lambda records: records.oauth.credential("old")) is None
    assert await store.read(lambda records: records.oauth.grant("old")) is None
    assert await store.read(lambda records: records.oauth.credential("new")) is not None
    assert await store.read(lambda records: records.oauth.grant("new")) is not None


async def test_the_grants_of_a_token_are_listed_the_oldest_first(store: Store) -> None:
    def work(records: Records) -> None:
        for grant_id, token_id, at in (("a", "t", 1), ("b", "t", 0), ("c", "u", 0)):
            records.oauth.put_grant(replace(GRANT, id=grant_id, token_id=token_id, created_at=START + at))

    await store.write(work)
    assert await store.read(lambda records: [one.id for one in records.oauth.grants_of("t")]) == ["b", "a"]
    assert await store.read(lambda records: list(records.oauth.grants_of("nobody"))) == []
