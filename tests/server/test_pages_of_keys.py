"""Pages of instances, connections, tokens and webhooks, in process."""

from __future__ import annotations

import re

import pytest

from homeport.errors import InvalidError
from homeport.transports.pages import home
from tests.support.credentials import bearer, issued
from tests.support.desk import MINUTE, START
from tests.support.site import Served, served
from tests.support.visitor import Visitor, words_of


async def test_instances_are_shown_by_who_is_here_and_with_what_each_holds(site: Served) -> None:
    call = site.dispatcher.call
    for name, role in (("nova", "Developer"), ("lyra", "Tester"), ("vega", "Tester")):
        await call("register_instance", {"instanceId": name, "role": role})
    await call("deactivate_instance", {"instanceId": "vega"})
    site.dispatcher.clock = lambda: START + 20 * MINUTE
    await call("update_heartbeat", {"instanceId": "nova"})
    await call("create_task", {"id": "t", "title": "Mend the mast", "description": "d"})
    await call("claim_task", {"id": "t", "instanceId": "nova"})
    visitor = Visitor(site)
    words = words_of(await visitor.get("/instances"))
    assert re.search("Here now 1 nova .*Mend the mast.*Gone silent 1 lyra .*Away 1 vega", words), words
    assert "lyra" not in words_of(await visitor.get("/instances?role=developer"))
    one = words_of(await visitor.get("/instances/nova"))
    assert re.search("Holds Mend the mast .*Timeline .*took t .*arrived for the first time", one), one
    assert (await visitor.get("/instances/nobody")).status_code == 404
    await call("update_task", {"id": "t", "instanceId": "nova", "updates": {"status": "blocked"}})
    assert re.search("Blocked Mend the mast d blocked nova", words_of(await visitor.get("/")))


async def test_who_speaks_as_one_instance_does_not_read_what_others_wrote_to_others() -> None:
    async with served(auth="tokens") as site:
        for name in ("nova", "lyra", "ada"):
            await site.dispatcher.call("register_instance", {"instanceId": name, "role": "x"})
        sent = {"from": "nova", "to": "lyra", "subject": "Between us", "content": "c"}
        await site.dispatcher.call("send_message", sent)
        _, text = await issued(site.dispatcher.store, "ada", instance_id="ada")
        visitor = Visitor(site)
        await visitor.sign_in(text)
        for path in ("/", "/instances/nova", "/inbox?box=everybody", "/inbox?of=lyra", "/search?q=between"):
            assert "Between us" not in words_of(await visitor.get(path)), path


async def test_a_fault_that_nobody_foresaw_is_a_page_that_says_where_the_log_has_it(
    site: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(home, "sorted_by_presence", fail)
    answer = await Visitor(site).get("/")
    assert answer.status_code == 500
    assert "The server's log has it under" in words_of(answer)
    assert "secret inside" not in answer.text
    assert any("secret inside" in one.get("traceback", "") for one in site.logged())


@pytest.mark.parametrize(
    ("prefix", "url"), [("", "https://127.0.0.1:3448/mcp"), ("/dev", "https://127.0.0.1:3448/mcp/dev")]
)
async def test_clients_are_told_the_address_under_which_the_person_is_here(prefix: str, url: str) -> None:
    async with served(auth="tokens", proxies=["127.0.0.1"]) as site:
        _, text = await issued(site.dispatcher.store)
        headers = {"x-forwarded-proto": "https", "x-forwarded-prefix": prefix, "x-forwarded-for": "192.0.2.7"}
        page = await Visitor(site, **headers, **bearer(text)).get("/connect")
        assert f"{url}</pre>" in page.text
        for client in ("Claude Code", "Claude Desktop", "ChatGPT", "Cursor", "VS Code", "Codex", "Gemini CLI"):
            assert client in words_of(page), client
        assert "claude mcp add --transport http homeport-development" in words_of(page)
        assert text not in page.text


async def test_a_token_is_made_shown_once_used_and_revoked() -> None:
    async with served(auth="tokens") as site:
        _, text = await issued(site.dispatcher.store, "root", scope="admin", instance_id="root")
        visitor = Visitor(site)
        await visitor.sign_in(text)
        page = await visitor.send("/tokens", "/me", name="nova", scope="write", instance="nova", days="30")
        found = re.search(r"hpt_development_[0-9A-Za-z]{44}", page.text)
        assert found is not None
        assert page.headers["cache-control"] == "no-store"
        assert found[0] not in (await visitor.get("/tokens")).text
        asked = await site.http.get("/api/v1/status", headers=bearer(found[0]))
        assert asked.json()["speaks_as"] == "nova"
        token_id = found[0].removeprefix("hpt_development_")[:8]
        assert (await visitor.send(f"/tokens/{token_id}/revoke", "/me")).headers["location"] == "/tokens?done=revoked"
        assert (await site.http.get("/api/v1/status", headers=bearer(found[0]))).status_code == 401
        assert found[0] not in "".join(site.lines)


async def test_a_wrong_wish_for_a_token_is_refused_where_it_was_typed() -> None:
    async with served(auth="tokens") as site:
        _, text = await issued(site.dispatcher.store, "root", scope="admin", instance_id="root")
        visitor = Visitor(site)
        await visitor.sign_in(text)
        for wish in ({"name": "root"}, {"name": "a/b"}, {"name": "x", "scope": "god"}, {"name": "x", "days": "soon"}):
            answer = await visitor.send("/tokens", "/me", **wish)
            assert answer.status_code in (400, 409), wish
            assert f'value="{wish["name"]}"' in answer.text


async def test_tokens_and_webhooks_are_for_those_who_administer() -> None:
    async with served(auth="tokens") as site:
        _, text = await issued(site.dispatcher.store, "ada", instance_id="ada")
        visitor = Visitor(site)
        await visitor.sign_in(text)
        for path in ("/tokens", "/webhooks"):
            answer = await visitor.get(path)
            assert answer.status_code == 403
            assert "needs a token of scope admin" in words_of(answer)
        assert (await visitor.send("/tokens", "/me", name="mine", scope="admin")).status_code == 403
        assert 'href="/tokens"' not in (await visitor.get("/me")).text


async def test_the_first_answer_of_making_a_token_is_not_kept(site: Served) -> None:
    with pytest.raises(InvalidError, match="with it the token"):
        await site.dispatcher.call("create_token", {"name": "x", "idempotency_key": "k"})
    made = await site.dispatcher.call("create_token", {"name": "x", "days": 1})
    assert made["token"]["expires"] == "2025-12-06T00:00:00.000Z"


async def test_a_webhook_is_added_and_removed(site: Served) -> None:
    visitor = Visitor(site)
    page = await visitor.send("/webhooks", "/me", url="https://hooks.example/a", kinds="task, message.sent")
    assert "whsec_" in page.text
    assert "whsec_" not in (await visitor.get("/webhooks")).text
    found = (await site.dispatcher.call("list_webhooks", {}))["webhooks"]
    assert [(one["url"], one["kinds"]) for one in found] == [("https://hooks.example/a", ["task", "message.sent"])]
    refused = await visitor.send("/webhooks", "/me", url="ftp://x")
    assert "not an http or https address" in words_of(refused)
    await visitor.send(f"/webhooks/{found[0]['id']}/delete", "/me")
    assert (await site.dispatcher.call("list_webhooks", {}))["webhooks"] == []
