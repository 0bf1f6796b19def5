"""Who gets a message, once, and what each reader did with it."""

from __future__ import annotations

import pytest

from homeport.errors import InvalidError, NotFoundError, TooLargeError
from tests.support.desk import Desk


async def test_a_message_to_somebody_who_never_registered_waits_for_them(desk: Desk) -> None:
    await desk.join("a")
    sent = await desk.call("send_message", to="Phoenix Fire", from_="a", subject="Later", content="hi")
    assert sent["waiting_for"] == ["Phoenix Fire"]
    assert len(await desk.inbox("Phoenix Fire")) == 1
    await desk.join("Phoenix Fire")
    assert len(await desk.inbox("Phoenix Fire", unread_only=True)) == 1


async def test_a_message_on_several_channels_of_one_reader_arrives_once(desk: Desk) -> None:
    await desk.join("a", role="COO")
    await desk.call("create_project", id="p", name="P", description="", members=["a"])
    await desk.call("send_message", to="a,COO,project-team:p,all", from_="b", subject="Once", content="hi")
    await desk.join("a", role="COO")
    assert len(await desk.inbox("a")) == 1


async def test_an_unknown_word_waits_for_whoever_takes_the_role(desk: Desk) -> None:
    await desk.join("a")
    await desk.call("send_message", to="Auditor", from_="a", subject="To a role", content="hi")
    await desk.join("newcomer", role="auditor")
    assert [message["subject"] for message in await desk.inbox("newcomer")] == ["To a role"]


async def test_latecomers_get_earlier_broadcasts_once_and_unread(desk: Desk) -> None:
    await desk.join("a")
    await desk.call("send_message", to="all", from_="a", subject="Before you", content="hi")
    await desk.join("late")
    await desk.join("late")
    assert len(await desk.inbox("late", unread_only=True)) == 1
    assert await desk.inbox("a") == []


async def test_who_changes_role_gets_what_waited_for_the_new_one(desk: Desk) -> None:
    await desk.join("a", role="developer")
    await desk.call("send_message", to="role:tester", from_="b", subject="For testers", content="hi")
    assert await desk.inbox("a") == []
    await desk.join("a", role="tester")
    assert len(await desk.inbox("a")) == 1


async def test_a_reply_stays_in_its_thread(desk: Desk) -> None:
    await desk.join("a", "b")
    first = (await desk.call("send_message", to="b", from_="a", subject="Q", content="?"))["message"]
    reply = await desk.call("send_message", to="a", from_="b", subject="A", content="!", reply_to=first["id"])
    assert reply["message"]["thread_id"] == first["id"]
    thread = await desk.call("get_messages", thread_id=first["id"])
    assert [message["subject"] for message in thread["messages"]] == ["A"]
    with pytest.raises(NotFoundError, match="no message 'msg-99'"):
        await desk.call("send_message", to="a", from_="b", subject="A", content="!", reply_to="msg-99")


async def test_the_reader_must_be_named_where_there_are_several(desk: Desk) -> None:
    await desk.join("a", "b")
    both = (await desk.call("send_message", to="a,b", from_="c", subject="S", content="c"))["message"]["id"]
    one = (await desk.call("send_message", to="a", from_="c", subject="S", content="c"))["message"]["id"]
    with pytest.raises(InvalidError, match="several recipients"):
        await desk.call("mark_message_read", id=both)
    assert (await desk.call("mark_message_read", id=one))["message"]["reader"] == "a"
    with pytest.raises(NotFoundError, match="was not delivered to 'b'"):
        await desk.call("mark_message_read", id=one, reader_id="b")


async def test_metadata_and_tags_are_kept(desk: Desk) -> None:
    await desk.join("a")
    sent = await desk.call(
        "send_message", to="a", from_="b", subject="S", content="c", tags=["x"], metadata={"deep": {"er": [1, None]}}
    )
    whole = (await desk.call("get_message", id=sent["message"]["id"]))["message"]
    assert whole["metadata"] == {"tags": ["x"], "deep": {"er": [1, None]}}


async def test_oversize_and_empty_messages_are_refused(desk: Desk) -> None:
    with pytest.raises(TooLargeError, match="content: 262145 bytes, at most 262144"):
        await desk.call("send_message", to="a", from_="b", subject="S", content="x" * 262_145)
    with pytest.raises(TooLargeError, match="subject"):
        await desk.call("send_message", to="a", from_="b", subject="S" * 501, content="x")
    with pytest.raises(InvalidError, match="both empty"):
        await desk.call("send_message", to="a", from_="b", subject=" ", content="")
    with pytest.raises(InvalidError, match="nobody is named"):
        await desk.call("send_message", to=" , ", from_="b", subject="S", content="x")


async def test_pages_of_an_inbox_show_every_message_once(desk: Desk) -> None:
    await desk.join("a")
    for number in range(45):
        await desk.call("send_message", to="a", from_="b", subject=f"S{number}", content="c")
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await desk.call("get_messages", instanceId="a", limit=10, **cursor)
        seen += [message["subject"] for message in answer["messages"]]
        if "next_cursor" not in answer:
            break
        cursor = {"cursor": answer["next_cursor"]}
    assert seen == [f"S{number}" for number in reversed(range(45))]
    with pytest.raises(InvalidError, match="is not a cursor of this list"):
        await desk.call("get_messages", instanceId="a", cursor="nonsense")


async def test_filters_narrow_an_inbox(desk: Desk) -> None:
    await desk.join("a")
    await desk.call("send_message", to="a", from_="b", subject="1", content="c", priority="urgent", tags=["t"])
    await desk.call("send_message", to="all", from_="c", subject="2", content="c", type="news")
    for arguments, expected in (
        ({"from_": "b"}, "1"),
        ({"priority": "urgent"}, "1"),
        ({"tags": ["t", "u"]}, "1"),
        ({"type": "news"}, "2"),
        ({"to": "all"}, "2"),
        ({"status": "unread", "to": "a"}, "1"),
    ):
        assert [message["subject"] for message in await desk.inbox("a", **arguments)] == [expected]
    assert await desk.inbox("a", status="read") == []


async def test_deleting_archives_for_all_or_removes_for_good(desk: Desk) -> None:
    await desk.join("a", "b")
    soft = (await desk.call("send_message", to="a,b", from_="c", subject="soft", content="c"))["message"]["id"]
    hard = (await desk.call("send_message", to="a,b", from_="c", subject="hard", content="c"))["message"]["id"]
    await desk.call("delete_message", id=soft)
    await desk.call("delete_message", id=hard, hard_delete=True)
    assert await desk.inbox("a") == await desk.inbox("b") == []
    assert (await desk.call("get_message", id=soft))["message"]["subject"] == "soft"
    with pytest.raises(NotFoundError):
        await desk.call("get_message", id=hard)


async def test_an_inbox_of_nobody_is_refused_with_near_names(desk: Desk) -> None:
    await desk.join("viktor")
    with pytest.raises(NotFoundError, match="no instance 'victor'") as refusal:
        await desk.inbox("victor")
    assert "viktor" in refusal.value.hint
