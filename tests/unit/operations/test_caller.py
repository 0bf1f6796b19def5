"""In whose name a call is made: scopes, and tokens that speak as one instance."""

from __future__ import annotations

import pytest

from homeport.errors import ConflictError, ForbiddenError, InvalidError
from homeport.operations.caller import ANYBODY, Caller
from homeport.operations.catalogue import CATALOGUE
from tests.support.desk import Desk

NOVA = Caller("token nova", "write", "nova")


def test_a_scope_includes_the_ones_before_it() -> None:
    writer = Caller("w", "write")
    assert [writer.may(scope) for scope in ("read", "write", "admin")] == [True, True, False]


async def test_a_reader_cannot_write(desk: Desk) -> None:
    reader = Caller("r", "read")
    await desk.dispatcher.call("get_instances", {}, reader)
    with pytest.raises(ForbiddenError, match="create_task needs a token of scope write; this one has read"):
        await desk.dispatcher.call("create_task", {"id": "t", "title": "T", "description": ""}, reader)


async def test_a_bound_caller_need_not_say_who_it_is(desk: Desk) -> None:
    await desk.dispatcher.call("bootstrap", {"role": "Developer"}, NOVA)
    sent = await desk.dispatcher.call("send_message", {"to": "nova", "subject": "S", "content": "c"}, NOVA)
    assert sent["message"]["from"] == "nova"
    assert (await desk.dispatcher.call("get_messages", {}, NOVA))["unread"] == 1


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("send_message", {"to": "all", "from": "kai", "subject": "S", "content": "c"}),
        ("send_message", {"to": "all", "sender": "kai", "subject": "S", "content": "c"}),
        ("get_messages", {"instanceId": "kai"}),
        ("wait_for_messages", {"instanceId": "kai", "timeout_seconds": 0}),
        ("claim_next_task", {"instanceId": "kai"}),
        ("bootstrap", {"role": "Developer", "instanceId": "kai"}),
        ("register_instance", {"role": "Developer", "instanceId": "kai"}),
        ("update_heartbeat", {"instanceId": "kai"}),
        ("deactivate_instance", {"instanceId": "kai"}),
    ],
)
async def test_a_bound_caller_cannot_speak_as_another(desk: Desk, name: str, arguments: dict[str, object]) -> None:
    await desk.join("kai", "nova")
    with pytest.raises(ForbiddenError, match="speaks as nova, not as kai"):
        await desk.dispatcher.call(name, arguments, NOVA)


def test_every_operation_asks_for_the_scope_of_what_it_does() -> None:
    for operation in CATALOGUE.values():
        usual = "write" if operation.kind == "write" else "read"
        assert operation.scope == (operation.needs or usual), operation.name


async def test_an_idempotency_key_of_one_caller_does_not_give_anothers_answer(desk: Desk) -> None:
    await desk.join("nova", "kai")
    task = {"id": "t", "title": "T", "description": "", "idempotency_key": "1"}
    one, other = Caller("one", "write", id="t1"), Caller("other", "write", id="t2")
    first = await desk.dispatcher.call("create_task", task, one)
    assert await desk.dispatcher.call("create_task", task, one) == first
    for stranger in (other, NOVA, ANYBODY):
        with pytest.raises(ConflictError, match="exists"):
            await desk.dispatcher.call("create_task", task, stranger)


async def test_an_instance_that_gets_a_new_token_can_still_repeat_its_calls(desk: Desk) -> None:
    task = {"id": "t", "title": "T", "description": "", "idempotency_key": "1"}
    old, new = Caller("old", "write", "nova", "t1"), Caller("new", "write", "nova", "t2")
    first = await desk.dispatcher.call("create_task", task, old)
    assert await desk.dispatcher.call("create_task", task, new) == first


async def test_who_says_instance_id_is_understood_everywhere(desk: Desk) -> None:
    await desk.join("nova")
    sent = await desk.call("send_message", to="nova", instanceId="kai", subject="S", content="c")
    assert sent["message"]["from"] == "kai"
    read = await desk.call("mark_message_read", id=sent["message"]["id"], instanceId="nova")
    assert read["message"]["reader"] == "nova"
    with pytest.raises(InvalidError, match="instanceId: unknown argument"):
        await desk.call("mark_message_read", id=sent["message"]["id"], instanceId="nova", reader_id="nova")


async def test_what_was_just_written_is_not_sent_back_whole(desk: Desk) -> None:
    made = await desk.call("create_task", id="t", title="T", description="long " * 2000)
    assert made["task"]["truncated"]
    assert len(made["task"]["description"]) < 200
    assert len((await desk.call("get_task", id="t"))["task"]["description"]) == 10_000
