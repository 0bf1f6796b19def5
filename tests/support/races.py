"""Many clients that want the same thing at the same time, over real connections."""

from __future__ import annotations

import asyncio

from tests.support.load import callers


async def race_for_tasks(port: int, clients: int, rounds: int) -> None:
    """In each round all clients claim one new task: exactly one holds it, and all others are told who."""
    names = [f"agent-{number}" for number in range(clients)]
    async with callers(port, clients) as agents:
        await asyncio.gather(
            *(
                one.call("register_instance", instanceId=name, role="dev")
                for one, name in zip(agents, names, strict=True)
            )
        )
        for number in range(rounds):
            task = f"task-{number}"
            await agents[0].call("create_task", id=task, title="For one", description="")
            claims = (one.ask("claim_task", id=task, instanceId=name) for one, name in zip(agents, names, strict=True))
            answers = await asyncio.gather(*claims)
            winners = [name for name, answer in zip(names, answers, strict=True) if "result" in answer]
            assert len(winners) == 1, (task, winners)
            refusals = [answer["error"]["message"] for answer in answers if "error" in answer]
            assert all(f"is held by {winners[0]} " in refusal for refusal in refusals), refusals
            assert (await agents[0].call("get_task", id=task))["task"]["assigned_to"] == winners[0]
