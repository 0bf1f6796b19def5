"""Races between clients of one real server: one winner, nothing lost, everybody's own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.load import callers
from tests.support.process import server_process
from tests.support.races import race_for_tasks

pytestmark = pytest.mark.slow


async def test_of_64_clients_that_race_for_a_task_one_wins_200_times(tmp_path: Path) -> None:
    with server_process(tmp_path) as server:
        await race_for_tasks(server.port, clients=64, rounds=200)
        assert server.stop() == 0


async def test_10_clients_create_100_tasks_and_all_that_was_acknowledged_is_there_after_a_restart(
    tmp_path: Path,
) -> None:
    with server_process(tmp_path) as server:
        async with callers(server.port, 10) as agents:
            await agents[0].call("create_project", id="p", name="P", description="")

            async def create(client: int, number: int) -> str:
                name = f"t{client}-{number}"
                await agents[client].call("create_task", id=name, title="T", description="", project_id="p")
                return name

            async def ten(client: int) -> list[str]:
                return [await create(client, number) for number in range(10)]

            acknowledged = [name for names in await asyncio.gather(*map(ten, range(10))) for name in names]
        assert len(set(acknowledged)) == 100
        assert server.stop() == 0
    with server_process(tmp_path) as server:
        async with callers(server.port, 1) as (one,):
            assert (await one.call("get_tasks", project_id="p", limit=1))["total"] == 100
            for name in acknowledged:
                assert (await one.call("get_task", id=f"p/{name}"))["task"]["id"] == name
        assert server.stop() == 0


async def test_one_and_the_same_task_is_created_once_by_those_who_create_it_at_once(tmp_path: Path) -> None:
    with server_process(tmp_path) as server:
        async with callers(server.port, 32) as agents:
            answers = await asyncio.gather(
                *(one.ask("create_task", id="t", title="T", description="") for one in agents)
            )
        assert sum("result" in answer for answer in answers) == 1
        assert all("'t' exists" in answer["error"]["message"] for answer in answers if "error" in answer), answers
        assert server.call("get_tasks")["total"] == 1


async def test_a_call_that_is_repeated_while_its_first_is_under_way_is_done_once(tmp_path: Path) -> None:
    with server_process(tmp_path) as server:
        async with callers(server.port, 32) as agents:
            same = {"to": "all", "from_": "ada", "subject": "Once", "content": "!", "idempotency_key": "k"}
            answers = await asyncio.gather(*(one.call("send_message", **same) for one in agents))
        assert len({answer["message"]["id"] for answer in answers}) == 1
        assert server.call("get_messages")["total"] == 1


async def test_a_broadcast_that_one_has_read_is_unread_for_the_others(tmp_path: Path) -> None:
    names = [f"agent-{number}" for number in range(20)]
    with server_process(tmp_path) as server:
        async with callers(server.port, 20) as agents:
            for one, name in zip(agents, names, strict=True):
                await one.call("register_instance", instanceId=name, role="dev")
            sent = await agents[0].call("send_message", to="all", from_="elsewhere", subject="All", content="!")
            message = sent["message"]["id"]
            readers = names[::2]
            await asyncio.gather(
                *(agents[2 * n].call("mark_message_read", id=message, reader_id=name) for n, name in enumerate(readers))
            )
            for one, name in zip(agents, names, strict=True):
                answer = await one.call("get_messages", instanceId=name)
                assert [line["unread"] for line in answer["messages"]] == [name not in readers]
                assert answer["unread"] == (name not in readers)


async def test_everybody_who_waits_hears_of_a_message_once(tmp_path: Path) -> None:
    with server_process(tmp_path) as server:
        server.call("register_instance", instanceId="ada", role="dev")
        cursor = server.call("wait_for_messages", instanceId="ada", timeout_seconds=0)["cursor"]
        async with callers(server.port, 500) as agents:
            wait = {"instanceId": "ada", "cursor": cursor, "timeout_seconds": 50}
            waits = [asyncio.create_task(one.call("wait_for_messages", **wait)) for one in agents]
            await agents_are_served(server.port)
            server.call("send_message", to="ada", from_="bob", subject="Wake up", content="!")
            answers = await asyncio.gather(*waits)
        assert {len(answer["messages"]) for answer in answers} == {1}
        assert server.healthy()


async def agents_are_served(port: int) -> None:
    """A call is answered although hundreds wait."""
    async with callers(port, 1) as (one,):
        assert (await one.call("get_server_status"))["status"] == "healthy"
