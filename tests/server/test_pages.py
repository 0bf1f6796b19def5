"""The pages, in process: who is let in, what a form must carry, and what a page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.coordination import tokens
from homeport.storage.sqlite import open_store
from homeport.transports.pages.signing import ATTEMPTS
from tests.support.credentials import issued
from tests.support.desk import START
from tests.support.site import BASE, Served, served
from tests.support.visitor import Visitor, seal_of, words_of


async def test_a_browser_gets_a_page_where_a_program_gets_json(site: Served) -> None:
    program = await site.http.get("/")
    assert program.json()["environment"] == "development"
    page = await Visitor(site).get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Home · development" in page.text
    assert "accept" in page.headers["vary"]
    assert "accept" in program.headers["vary"]


async def test_a_page_forbids_what_it_does_not_need(site: Served) -> None:
    page = await Visitor(site).get("/inbox")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"
    assert "style=" not in page.text
    assert " onclick" not in page.text


async def test_files_are_kept_for_ever_under_the_address_of_what_they_are(site: Served) -> None:
    visitor = Visitor(site)
    page = await visitor.get("/")
    address = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    file = await visitor.get(address)
    assert "immutable" in file.headers["cache-control"]
    assert file.headers["content-type"] == "text/css; charset=utf-8"
    old = await visitor.get("/static/0123456789abcdef/page.css")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    assert (await visitor.get("/static/0123456789abcdef/../endpoint.py")).status_code == 404


async def test_strangers_are_led_to_the_page_that_asks_for_a_token() -> None:
    async with served(auth="tokens") as site:
        visitor = Visitor(site)
        for path in ("/", "/inbox", "/me", "/search?q=secret"):
            answer = await visitor.get(path)
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/sign-in")
        assert (await visitor.get("/sign-in")).status_code == 200
        assert (await visitor.send("/me/name", name="ada")).headers["location"] == "/sign-in"


async def test_a_person_signs_in_with_a_token_and_is_known_from_then_on() -> None:
    async with served(auth="tokens") as site:
        _, text = await issued(site.dispatcher.store, "ada", instance_id="ada")
        visitor = Visitor(site)
        answer = await visitor.send("/sign-in", token=text, next="/inbox?box=unread")
        assert (answer.status_code, answer.headers["location"]) == (303, "/inbox?box=unread&done=welcome")
        cookies = [one for one in answer.headers.get_list("set-cookie") if "session" in one]
        assert len(cookies) == 1
        assert "HttpOnly; SameSite=Lax" in cookies[0]
        assert text not in cookies[0]
        page = await visitor.get("/")
        assert "Hello, ada ." in words_of(page)
        known = await site.dispatcher.call("get_instance", {"instanceId": "ada"})
        assert known["instance"]["role"] == "person"
        assert text not in "".join(site.lines)


async def test_over_https_cookies_are_for_https_alone_and_below_a_prefix_for_that_alone() -> None:
    headers = {"x-forwarded-proto": "https", "x-forwarded-prefix": "/dev", "x-forwarded-for": "192.0.2.1"}
    async with served(auth="tokens", proxies=["127.0.0.1"]) as site:
        _, text = await issued(site.dispatcher.store, "ada", instance_id="ada")
        visitor = Visitor(site, **headers)
        page = await visitor.get("/sign-in")
        cookie = page.headers["set-cookie"]
        assert "Path=/dev;" in cookie
        assert cookie.endswith("; Secure")
        assert 'action="/dev/sign-in"' in page.text
        key = cookie.partition("=")[2].partition(";")[0]
        sent = {"cookie": f"homeport-development-key={key}", "origin": BASE}
        answer = await visitor.http.post("/sign-in", data={"seal": seal_of(page), "token": text}, headers=sent)
        assert answer.headers["location"] == "/dev/?done=welcome"


async def test_a_wrong_token_is_refused_in_words_and_only_so_often() -> None:
    async with served(auth="tokens") as site:
        _, text = await issued(site.dispatcher.store, "ada", environment="production")
        visitor = Visitor(site)
        answer = await visitor.sign_in(text)
        assert answer.status_code == 403
        assert "This is a token of production, and this is development." in words_of(answer)
        for _ in range(ATTEMPTS - 1):
            assert (await visitor.sign_in("hunter2")).status_code == 403
        answer = await visitor.sign_in("hunter2")
        assert answer.status_code == 429
        assert "Too many attempts" in words_of(answer)
        assert "hunter2" not in "".join(site.lines)


async def test_a_visit_ends_when_its_token_is_revoked() -> None:
    async with served(auth="tokens") as site:
        store = site.dispatcher.store
        token, text = await issued(store, "ada", instance_id="ada")
        visitor = Visitor(site)
        await visitor.sign_in(text)
        assert (await visitor.get("/inbox")).status_code == 200
        await store.write(lambda records: tokens.revoke(records, token.id, START))
        answer = await visitor.get("/inbox")
        assert answer.headers["location"] == "/sign-in?next=%2Finbox&ended=1"
        assert "Your visit ended" in words_of(await visitor.get(answer.headers["location"]))


async def test_a_visit_survives_a_restart_of_the_server(tmp_path: Path) -> None:
    async with served(await open_store(tmp_path), auth="tokens") as site:
        _, text = await issued(site.dispatcher.store, "ada", instance_id="ada")
        visitor = Visitor(site)
        await visitor.sign_in(text)
        cookies = dict(visitor.http.cookies)
    async with served(await open_store(tmp_path), auth="tokens") as site:
        again = Visitor(site)
        again.http.cookies.update(cookies)
        assert (await again.get("/inbox")).status_code == 200


async def test_signing_out_everywhere_ends_the_visits_of_all_browsers_of_a_token() -> None:
    async with served(auth="tokens") as site:
        _, text = await issued(site.dispatcher.store, "ada", instance_id="ada")
        _, other = await issued(site.dispatcher.store, "bo", instance_id="bo")
        first, second, third = Visitor(site), Visitor(site), Visitor(site)
        await first.sign_in(text)
        await second.sign_in(text)
        await third.sign_in(other)
        assert words_of(await first.get("/me")).count("Firefox on Linux") >= 2
        answer = await first.send("/me/sign-out-everywhere", "/me")
        assert answer.headers["location"] == "/sign-in?done=left-everywhere"
        assert (await second.get("/inbox")).status_code == 303
        assert (await first.get("/inbox")).status_code == 303
        assert (await third.get("/inbox")).status_code == 200


async def test_one_browser_signs_out_and_another_of_the_same_token_stays() -> None:
    async with served(auth="tokens") as site:
        _, text = await issued(site.dispatcher.store, "ada", instance_id="ada")
        first, second = Visitor(site), Visitor(site)
        await first.sign_in(text)
        await second.sign_in(text)
        session = first.http.cookies["homeport-development-session"]
        await first.send("/sign-out", "/me")
        assert (await second.get("/me")).status_code == 200
        first.http.cookies.set("homeport-development-session", session, domain="127.0.0.1")
        assert (await first.get("/me")).status_code == 303


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "null"])
async def test_a_form_of_another_page_changes_nothing(site: Served, origin: str) -> None:
    visitor = Visitor(site)
    seal = seal_of(await visitor.get("/sign-in"))
    sent = {"seal": seal, "name": "mallory"}
    answer = await visitor.http.post("/me/name", data=sent, headers={"origin": origin})
    assert answer.status_code == 403
    assert "mallory" not in (await site.dispatcher.call("get_instances", {}))["instances"]


@pytest.mark.parametrize("seal", ["", "0" * 64, "zz"])
async def test_a_form_without_the_browsers_own_seal_changes_nothing(site: Served, seal: str) -> None:
    visitor = Visitor(site)
    await visitor.get("/sign-in")
    answer = await visitor.http.post("/me/name", data={"seal": seal, "name": "mallory"}, headers={"origin": BASE})
    assert answer.status_code == 403
    assert (await site.dispatcher.call("get_instances", {}))["instances"] == []


async def test_where_everybody_is_answered_a_person_chooses_a_name_once(site: Served) -> None:
    visitor = Visitor(site)
    assert "You have no name here yet." in words_of(await visitor.get("/"))
    answer = await visitor.send("/me/name", "/me", name="Ada Löwe")
    assert answer.status_code == 303
    assert "Hello, Ada Löwe ." in words_of(await visitor.get("/"))
    await visitor.send("/inbox/new", to="all", subject="Ahoy", content="Here I am.")
    sent = (await site.dispatcher.call("get_messages", {}))["messages"]
    assert [(one["from"], one["subject"]) for one in sent] == [("Ada Löwe", "Ahoy")]


async def test_a_name_that_cannot_be_is_refused_where_it_was_typed(site: Served) -> None:
    answer = await Visitor(site).send("/me/name", "/me", name="a/b")
    assert answer.status_code == 400
    assert "cannot be an id" in words_of(answer)
    assert 'value="a/b"' in answer.text


async def test_a_token_that_speaks_as_one_instance_cannot_take_another_name() -> None:
    async with served(auth="tokens") as site:
        _, text = await issued(site.dispatcher.store, "ada", instance_id="ada")
        visitor = Visitor(site)
        await visitor.sign_in(text)
        assert (await visitor.send("/me/name", "/me", name="bo")).status_code == 400
        # Nor by a cookie of its own making.
        visitor.http.cookies.set("homeport-development-name", b"bo".hex(), domain="127.0.0.1")
        await visitor.send("/inbox/new", "/inbox/new", to="all", subject="S", content="c")
        sent = (await site.dispatcher.call("get_messages", {}))["messages"]
        assert [one["from"] for one in sent] == ["ada"]


async def test_who_may_only_read_reads_and_is_refused_what_changes_something() -> None:
    async with served(auth="tokens") as site:
        await site.dispatcher.call("register_instance", {"instanceId": "ada", "role": "person"})
        sent = {"from": "nova", "to": "ada", "subject": "S", "content": "c"}
        message = (await site.dispatcher.call("send_message", sent))["message"]["id"]
        _, text = await issued(site.dispatcher.store, "ada", instance_id="ada", scope="read")
        visitor = Visitor(site)
        await visitor.sign_in(text)
        page = await visitor.get(f"/inbox/{message}")
        assert page.status_code == 200
        assert "/archive" not in page.text
        answer = await visitor.send(f"/inbox/{message}/archive", "/me")
        assert answer.status_code == 403
        assert "needs a token of scope write" in words_of(answer)


async def test_the_feed_is_open_to_a_browser_that_signed_in_and_nothing_else_of_the_api_is() -> None:
    async with served(auth="tokens") as site:
        _, text = await issued(site.dispatcher.store, "ada", instance_id="ada")
        visitor = Visitor(site)
        await visitor.sign_in(text)
        assert (await visitor.get("/api/v1/messages")).status_code == 401
        assert (await visitor.http.post("/api/v1/messages", json={})).status_code == 401
        refused = await visitor.get("/api/v1/events?after=x")
        assert refused.json()["error"]["code"] == "invalid"


async def test_looking_at_an_inbox_is_no_sign_of_life_of_whose_it_is(site: Served) -> None:
    for name in ("nova", "ada"):
        await site.dispatcher.call("register_instance", {"instanceId": name, "role": "x"})
    before = await site.dispatcher.call("get_instance", {"instanceId": "nova"})
    site.dispatcher.clock = lambda: START + 3_600_000
    visitor = Visitor(site)
    await visitor.send("/me/name", "/me", name="ada")
    page = await visitor.get("/inbox?of=nova")
    assert "You look at the inbox of nova" in words_of(page)
    after = await site.dispatcher.call("get_instance", {"instanceId": "nova"})
    assert after["instance"]["last_seen"] == before["instance"]["last_seen"]
    ada = await site.dispatcher.call("get_instance", {"instanceId": "ada"})
    assert ada["instance"]["last_seen"] != before["instance"]["last_seen"]


async def test_a_message_is_written_read_answered_and_archived(site: Served) -> None:
    for name in ("nova", "lyra"):
        await site.dispatcher.call("register_instance", {"instanceId": name, "role": "Developer"})
    visitor = Visitor(site)
    await visitor.send("/me/name", "/me", name="ada")
    written = await visitor.send("/inbox/new", to="role:Developer, nova", subject="Plan", content="**Now**\r\nor never")
    page = await visitor.follow(written.headers["location"])
    assert "<strong>Now</strong><br>" in page.text
    assert "Sent." in words_of(page)
    first = written.headers["location"].removeprefix("/inbox/").partition("?")[0]
    reply = {"from": "nova", "to": "ada", "subject": "Re: Plan", "content": "Now.", "reply_to": first}
    second = (await site.dispatcher.call("send_message", reply))["message"]["id"]
    thread = words_of(await visitor.get(f"/inbox/{second}"))
    assert "2 messages in this thread" in thread
    assert thread.index("or never") < thread.index("Now. Mark as read")
    await visitor.send(f"/inbox/{second}/read", "/me")
    answered = await visitor.send(f"/inbox/{second}/answer", "/me", to="nova", content="So be it.")
    assert answered.status_code == 303
    inbox = await site.dispatcher.call("get_messages", {"instanceId": "nova"})
    assert [one["subject"] for one in inbox["messages"]] == ["Re: Plan", "Plan"]
    assert inbox["messages"][0]["thread_id"] == first
    await visitor.send(f"/inbox/{second}/archive", "/me")
    assert "No messages here." in words_of(await visitor.get("/inbox"))
    assert "Re: Plan" in words_of(await visitor.get("/inbox?box=archive"))


async def test_a_message_to_nobody_is_refused_and_what_was_typed_stays(site: Served) -> None:
    visitor = Visitor(site)
    await visitor.send("/me/name", "/me", name="ada")
    answer = await visitor.send("/inbox/new", to="project-team:nowhere", subject="S", content="a long <text>")
    assert answer.status_code == 404
    assert "no project 'nowhere'" in words_of(answer)
    assert "a long &lt;text&gt;" in answer.text


async def test_a_message_may_be_its_subject_alone_or_its_text_alone_but_not_nothing(site: Served) -> None:
    visitor = Visitor(site)
    await visitor.send("/me/name", "/me", name="ada")
    for subject, content, status in (("S", "", 303), ("", "c", 303), ("", "", 400)):
        answer = await visitor.send("/inbox/new", to="all", subject=subject, content=content)
        assert answer.status_code == status, (subject, content)
    assert "(without a subject)" in words_of(await visitor.get("/inbox?box=sent"))


async def test_a_form_that_is_sent_twice_does_its_work_once(site: Served) -> None:
    visitor = Visitor(site)
    await visitor.send("/me/name", "/me", name="ada")
    for _ in range(2):
        await visitor.send("/inbox/new", to="all", subject="S", content="c", once="a-key")
    assert (await site.dispatcher.call("get_messages", {}))["total"] == 1


async def test_search_marks_what_it_found_and_harmlessly(site: Served) -> None:
    sent = {"from": "nova", "to": "all", "subject": "<b>Queue</b>", "content": "the queue is <script>full</script>"}
    await site.dispatcher.call("send_message", sent)
    page = await Visitor(site).get("/search?q=queue")
    assert "&lt;b&gt;<mark>Queue</mark>&lt;/b&gt;" in page.text
    assert "<script>full" not in page.text
    assert "it has no word" in words_of(await Visitor(site).get("/search?q=%21%21"))


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "/sign-in", "javascript:alert(1)", "/a b"]
)
async def test_signing_in_leads_to_our_own_pages_alone(wanted: str) -> None:
    async with served(auth="tokens") as site:
        _, text = await issued(site.dispatcher.store, "ada", instance_id="ada")
        answer = await Visitor(site).send("/sign-in", token=text, next=wanted)
        assert answer.headers["location"] == "/?done=welcome"


async def test_a_page_that_is_not_there_is_a_page(site: Served) -> None:
    for path in ("/nowhere", "/inbox/none/such", "/inbox/missing"):
        answer = await Visitor(site).get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"].startswith("text/html")
    assert (await site.http.get("/nowhere")).json()["error"]["code"] == "not_found"


async def test_data_from_another_environment_say_so_on_every_page() -> None:
    async with served(origin={"environment": "production", "at": "2025-12-04T23:00:00Z"}) as site:
        assert "Its data are a copy of production , as that was 1 h ago ." in words_of(await Visitor(site).get("/"))
