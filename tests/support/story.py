"""A team at work, for pictures: what a person would find who comes in the morning."""

from __future__ import annotations

from typing import Any, Final

import httpx2

from tests.support.running import Workspace

_CREW: Final = (
    ("nova", "Developer"),
    ("atlas", "Architect"),
    ("lyra", "Tester"),
    ("orion", "Developer"),
    ("vega", "Coordinator"),
    ("juno", "Reviewer"),
    ("echo", "Operator"),
    ("ada", "person"),
)
_TASKS: Final = (
    ("queue-schema", "Design the queue's schema", "harbour", "high"),
    ("drain", "Drain the old scheduler", "harbour", "critical"),
    ("load-test", "Load test with 10,000 jobs", "harbour", "medium"),
    ("alerts", "Alert on a silent worker", "lighthouse", "high"),
    ("depth", "Dashboard of the queue's depth", "lighthouse", "low"),
    ("guide", "Write the migration guide", "harbour", "medium"),
)
_PLAN: Final = """I see two ways to keep the order while we drain:

1. **One consumer** until the old queue is empty: simple, 40 minutes.
2. A `fence` for each customer: six minutes, and more to prove.

I would take the first. Do you agree?"""


class Teller:
    """Tells the story to a server.

    Args:
        place: where it runs.
        token: that may speak as anybody; empty where none is asked for.
    """

    def __init__(self, place: Workspace, token: str = "") -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx2.Client(base_url=place.url, headers=headers, timeout=60)

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Calls a tool."""
        given = {"from" if key == "from_" else key: value for key, value in arguments.items()}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": given}}
        return self._http.post("/mcp", json=body).json()["result"]["data"]

    def tell(self) -> None:
        """All of it."""
        for name, role in _CREW:
            self.call("register_instance", instanceId=name, role=role)
        self.call("create_project", id="harbour", name="Harbour rebuild", description="The new queue, without a gap.")
        self.call("create_project", id="lighthouse", name="Lighthouse", description="Tells before people do.")
        self.call("update_project", id="harbour", updates={"add_members": ["nova", "atlas", "lyra"]})
        for task, title, project, priority in _TASKS:
            text = f"{title}, as agreed in the queue plan; the old one must keep its order."
            self.call("create_task", id=task, title=title, description=text, project_id=project, priority=priority)
        for task, who, steps in (
            ("harbour/queue-schema", "nova", ["in_progress"]),
            ("lighthouse/alerts", "orion", ["in_progress", "completed"]),
            ("harbour/drain", "atlas", ["blocked"]),
            ("harbour/load-test", "lyra", []),
        ):
            self.call("claim_task", id=task, instanceId=who)
            for step in steps:
                self.call("update_task", id=task, instanceId=who, updates={"status": step})
        self.call("update_heartbeat", instanceId="orion", status="busy")
        first = self.call(
            "send_message",
            from_="atlas",
            to="ada, nova",
            subject="Queue plan: which order do we keep?",
            content=_PLAN,
            priority="high",
        )
        self.call(
            "send_message",
            from_="nova",
            to="atlas, ada",
            subject="Re: Queue plan: which order do we keep?",
            content="The first. Forty minutes at night hurt nobody, and we have **one** thing less to prove.",
            reply_to=first["message"]["id"],
        )
        self.call(
            "send_message",
            from_="lyra",
            to="ada",
            subject="The load test is ready",
            content="10,000 jobs in 96 s on my machine, nothing lost. I need a go for the shared one.",
        )
        self.call(
            "send_message",
            from_="vega",
            to="all",
            subject="Stand-up: what moved",
            content="The queue's schema is in progress, alerts are done. Who may stop the old scheduler?",
            priority="urgent",
        )
        self._http.close()
