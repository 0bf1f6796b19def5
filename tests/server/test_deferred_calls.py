"""The Tasks extension: a long wait is answered with a handle, and its end fetched or told later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
import pytest

from homeport.coordination import tokens
from homeport.errors import NotFoundError
from homeport.transports import deferrals
from homeport.transports.deferrals import Deferral, Deferrals, NoRoomError, Outcome
from homeport.transports.fastpath import TASKS
from tests.server.test_subscriptions import listens, tell_ada
from tests.support.credentials import bearer, issued
from tests.support.desk import START
from tests.support.events import opened
from tests.support.listening import Listening, listening
from tests.support.site import modern, read
from tests.support.waiting import eventually

DECLARED: Final[dict[str, Any]] = {"extensions": {TASKS: {}}}
CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"


@pytest.fixture
async def server() -> AsyncIterator[Listening]:
    """A server with two agents."""
    async with listening() as one:
        for name in ("ada", "bob"):
            await one.served.call(None, "register_instance", {"instanceId": name, "role": "dev"})
        yield one


async def asked(
    server: Listening, method: str, named: str, /, headers: dict[str, str] | None = None, **params: Any
) -> dict[str, Any]:
    """The JSON-RPC response to a client that declares the extension, or else ``declares=False``."""
    declares = params.pop("declares", True)
    body, given = modern(method, **params)
    body["params"]["_meta"][CAPABILITIES] = DECLARED if declares else {}
    given["mcp-name"] = named
    async with httpx2.AsyncClient(timeout=30) as http:
        return read(await http.post(f"{server.url}/mcp", json=body, headers={**given, **(headers or {})}))


async def waits(server: Listening, seconds: float = 100, **more: Any) -> dict[str, Any]:
    arguments = {"instanceId": "ada", "timeout_seconds": seconds}
    answer = await asked(
        server, "tools/call", "wait_for_messages", name="wait_for_messages", arguments=arguments, **more
    )
    return dict(answer["result"])


async def task(server: Listening, task_id: str, method: str = "tasks/get", **more: Any) -> dict[str, Any]:
    return await asked(server, method, task_id, taskId=task_id, **more)


async def of_status(server: Listening, task_id: str, status: str) -> dict[str, Any]:
    async def found() -> list[dict[str, Any]]:
        result: dict[str, Any] = (await task(server, task_id))["result"]
        return [result] if result["status"] == status else []

    return (await eventually(found))[0]


async def nobody_waits(server: Listening) -> bool:
    return not server.served.dispatcher.bell._waiting


async def test_a_long_wait_is_answered_with_a_handle_and_its_end_is_fetched(server: Listening) -> None:
    handle = await waits(server)
    assert (handle["resultType"], handle["status"]) == ("task", "working")
    assert handle["_meta"]["homeport/environment"] == "development"
    assert (await task(server, handle["taskId"]))["result"]["status"] == "working"
    await tell_ada(server, "At last")
    done = await of_status(server, handle["taskId"], "completed")
    assert done["resultType"] == "complete"
    assert done["result"]["structuredContent"]["messages"][0]["subject"] == "At last"
    assert done["result"]["isError"] is False
    again = await of_status(server, handle["taskId"], "completed")
    assert again["result"] == done["result"]


async def test_what_has_come_already_and_short_waits_are_answered_at_once(server: Listening) -> None:
    assert (await waits(server, 0.01))["resultType"] == "complete"
    await tell_ada(server)
    assert (await waits(server))["structuredContent"]["messages"]
    assert len(server.served.site._deferrals) == 0


async def test_who_does_not_declare_the_extension_gets_no_handle_and_may_ask_for_none(server: Listening) -> None:
    await tell_ada(server)
    assert (await waits(server, declares=False))["resultType"] == "complete"
    for method in ("tasks/get", "tasks/update", "tasks/cancel"):
        error = (await task(server, "x", method, declares=False, inputResponses={}))["error"]
        assert error["code"] == -32021
        assert error["data"]["requiredCapabilities"] == DECLARED


async def test_the_server_says_that_it_has_the_extension(server: Listening) -> None:
    found = await asked(server, "server/discover", "")
    assert found["result"]["capabilities"]["extensions"] == {TASKS: {}}


async def test_a_wait_that_is_wrong_is_refused_at_once(server: Listening) -> None:
    assert (await waits(server, 1000))["isError"] is True
    arguments = {"instanceId": "nobody", "timeout_seconds": 60}
    answer = await asked(server, "tools/call", "wait_for_messages", name="wait_for_messages", arguments=arguments)
    assert "no instance 'nobody'" in answer["result"]["content"][0]["text"]
    assert len(server.served.site._deferrals) == 0


async def test_a_task_that_is_cancelled_waits_no_longer_and_stays_cancelled(server: Listening) -> None:
    task_id = (await waits(server))["taskId"]
    for _ in range(2):
        answer = (await task(server, task_id, "tasks/cancel"))["result"]
        assert set(answer) == {"_meta", "resultType"}
    await eventually(lambda: nobody_waits(server))
    await tell_ada(server)
    assert (await task(server, task_id))["result"]["status"] == "cancelled"


async def test_a_stream_tells_of_a_task_until_its_end(server: Listening) -> None:
    task_id = (await waits(server))["taskId"]
    body, given = modern("subscriptions/listen", notifications={"taskIds": [task_id, "unknown"]})
    body["params"]["_meta"][CAPABILITIES] = DECLARED
    async with (
        httpx2.AsyncClient() as http,
        opened(http, f"{server.url}/mcp", "POST", json=body, headers=given) as stream,
    ):
        assert (await stream.message())["params"]["notifications"] == {"taskIds": [task_id]}
        told = await stream.message()
        assert (told["method"], told["params"]["status"]) == ("notifications/tasks", "working")
        await tell_ada(server)
        told = await stream.message()
        assert (told["params"]["taskId"], told["params"]["status"]) == (task_id, "completed")
        assert told["params"]["result"]["structuredContent"]["messages"]


async def test_who_does_not_declare_the_extension_cannot_listen_to_tasks(server: Listening) -> None:
    async with listens(server, taskIds=["x"]) as stream:
        assert "-32021" in (await stream.response.aread()).decode()


async def test_anothers_task_is_as_good_as_none_and_a_revoked_tokens_ends() -> None:
    async with listening(auth="tokens") as server:
        store = server.served.dispatcher.store
        await server.served.dispatcher.call("register_instance", {"instanceId": "ada", "role": "dev"})
        token, text = await issued(store, "one")
        one, two = bearer(text), bearer((await issued(store, "two"))[1])
        task_id = (await waits(server, headers=one))["taskId"]
        assert (await task(server, task_id, headers=one))["result"]["status"] == "working"
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            theirs = (await task(server, task_id, method, headers=two, inputResponses={}))["error"]
            none = (await task(server, "x" * 32, method, headers=two, inputResponses={}))["error"]
            assert (theirs["code"], none["code"]) == (-32602, -32602)
            assert theirs["message"].replace(task_id, "") == none["message"].replace("x" * 32, "")
        await store.write(lambda records: tokens.revoke(records, token.id, START))
        await eventually(lambda: nobody_waits(server))


async def test_the_header_must_name_the_task(server: Listening) -> None:
    task_id = (await waits(server))["taskId"]
    error = (await asked(server, "tasks/get", "another", taskId=task_id))["error"]
    assert error["code"] == -32020


@pytest.mark.parametrize("params", [{}, {"taskId": 1}, {"taskId": None}, {"taskId": ["x"]}, {"taskId": {}}])
async def test_a_request_without_a_tasks_id_is_invalid(server: Listening, params: dict[str, Any]) -> None:
    assert (await asked(server, "tasks/get", "x", **params))["error"]["code"] == -32602


async def test_where_there_is_no_room_the_call_is_answered_as_ever(
    server: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.served.site._deferrals, "_per_client", 0)
    monkeypatch.setattr("homeport.transports.sdk.DEFERRED_FROM", 0.0)
    assert (await waits(server, 0.01))["resultType"] == "complete"


async def test_a_server_that_ends_ends_its_tasks_and_knows_none_of_before() -> None:
    async with listening() as server:
        await server.served.call(None, "register_instance", {"instanceId": "ada", "role": "dev"})
        task_id = (await waits(server))["taskId"]
    assert await nobody_waits(server)
    async with listening() as server:
        error = (await task(server, task_id))["error"]
        assert (error["code"], "call the tool again" in error["message"]) == (-32602, True)


class Board:
    """Deferrals with a clock that the test moves."""

    def __init__(self, **limits: Any) -> None:
        self.now = START
        self.changed: list[str] = []
        self.all = Deferrals(lambda: self.now, self.changed.append, **limits)


async def at_once(one: Deferral) -> Outcome:
    del one
    return "result", {}


async def test_a_deferral_is_kept_for_its_time_and_then_forgotten() -> None:
    board = Board()
    one = board.all.begin("me", "c", at_once)
    board.now += deferrals.TTL - 1
    assert board.all.find("me", one.id) is one
    board.now += 1
    with pytest.raises(NotFoundError):
        board.all.find("me", one.id)
    board.all.begin("me", "c", at_once)
    assert len(board.all) == 1
    await board.all.close()


async def test_there_are_so_many_deferrals_of_one_client_and_in_all() -> None:
    board = Board(in_all=2, per_client=1)
    board.all.begin("me", "c", at_once)
    with pytest.raises(NoRoomError):
        board.all.begin("me", "c", at_once)
    board.all.begin("me", "d", at_once)
    with pytest.raises(NoRoomError):
        board.all.begin("me", "e", at_once)
    await board.all.close()


async def test_what_is_asked_is_answered_bit_by_bit_and_each_name_is_used_once() -> None:
    board = Board()
    given: list[Any] = []

    async def work(one: Deferral) -> Outcome:
        given.append(await one.ask({"a": {"method": "x"}, "b": {"method": "y"}}))
        with pytest.raises(ValueError, match="used once"):
            await one.ask({"a": {}})
        return "error", {"code": -1, "message": "It broke."}

    async def asks() -> bool:
        return one.status == "input_required"

    async def ended() -> bool:
        return one.status == "failed"

    one = board.all.begin("me", "c", work)
    await eventually(asks)
    one.give({"never asked": 1})
    one.give({"b": 2})
    assert one.whole()["inputRequests"] == {"a": {"method": "x"}}
    one.give({"a": 1, "b": 3})
    await eventually(ended)
    assert given == [{"a": 1, "b": 2}]
    assert (one.whole()["error"]["code"], one.whole()["statusMessage"]) == (-1, "It broke.")
    assert "result" not in one.whole()
    one.cancel()
    assert one.status == "failed"
    await board.all.close()
