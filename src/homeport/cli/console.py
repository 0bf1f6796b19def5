"""What ``homeport up`` shows: the servers' lines with their environment's name, and a table once they answer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from homeport.cli.output import print_json, say, table, tell
from homeport.clients.target import TOKEN_VARIABLE
from homeport.environments.environment import Environment
from homeport.environments.steps import MakeDirectory, WriteFile
from homeport.environments.workspace import WorkspacePlan
from homeport.host.health import HealthAnswer
from homeport.host.ports import is_listening
from homeport.host.supervisor import ChildEnd, Listener

_COLOURS: Final = {"production": 31, "development": 32, "local": 36}
_OTHER_COLOUR: Final = 33
_NAME: Final = "claude-code"


class Console(Listener, Protocol):
    """Who is told what ``homeport up`` does."""

    def made(self, plan: WorkspacePlan) -> None:
        """The plan of the workspace was carried out."""

    def seeded(self, environment: str, report: Mapping[str, object], lines: Sequence[str]) -> None:
        """An environment was filled."""


class TextConsole:
    """For people: logs on stderr, the table on stdout.

    Args:
        environments: what runs.
        homeport: how the person calls this program, for the commands that are shown.
    """

    def __init__(self, environments: Sequence[Environment], homeport: str = "homeport") -> None:
        self._environments = environments
        self._homeport = homeport
        self._width = max(len(name) for name in ["homeport", *(environment.name for environment in environments)])
        self._coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")

    def made(self, plan: WorkspacePlan) -> None:
        for step in plan.steps:
            if isinstance(step, WriteFile):
                self._say(f"wrote {step.path}")
        made = [step for step in plan.steps if isinstance(step, MakeDirectory)]
        if made:
            self._say(f"made {len(made)} directories, from {made[0].path} to {made[-1].path}")
        names = " and ".join(environment.name for environment in self._environments)
        self._say(f"starting {names}; Ctrl-C ends them")

    def seeded(self, environment: str, report: Mapping[str, object], lines: Sequence[str]) -> None:
        for line in lines:
            self.line(environment, line)

    def line(self, name: str, text: str) -> None:
        prefix = f"{name.ljust(self._width)} |"
        if self._coloured:
            prefix = f"\x1b[{_COLOURS.get(name, _OTHER_COLOUR)}m{prefix}\x1b[0m"
        tell(f"{prefix} {text}")

    def ended(self, end: ChildEnd) -> None:
        if end.asked and end.code == 0:
            self._say(f"{end.name} has stopped")
        else:
            self._say(f"{end}")

    def settled(self, answers: dict[str, HealthAnswer]) -> None:
        up = [environment for environment in self._environments if answers[environment.name].healthy]
        for environment in self._environments:
            if environment not in up:
                self._say(f"{environment.name} is not up: {answers[environment.name].reason}")
        if up:
            say(_overview(up, self._homeport))

    def _say(self, text: str) -> None:
        tell(f"{'homeport'.ljust(self._width)} | {text}")


class JsonConsole:
    """For programs: one JSON object a line on stdout, each with an ``event``."""

    def __init__(self, environments: Sequence[Environment]) -> None:
        self._environments = environments

    def made(self, plan: WorkspacePlan) -> None:
        print_json({"event": "made", "steps": plan.as_json()})

    def seeded(self, environment: str, report: Mapping[str, object], lines: Sequence[str]) -> None:
        print_json({"event": "seeded", "environment": environment, "report": report})

    def line(self, name: str, text: str) -> None:
        try:
            entry: object = json.loads(text)
        except ValueError:
            entry = text
        print_json({"event": "log", "environment": name, "entry": entry})

    def ended(self, end: ChildEnd) -> None:
        print_json(
            {
                "event": "ended",
                "environment": end.name,
                "exit_code": end.code,
                "asked": end.asked,
                "last_line": end.last_line,
            }
        )

    def settled(self, answers: dict[str, HealthAnswer]) -> None:
        found = [
            {
                **environment.as_json(),
                "healthy": answers[environment.name].healthy,
                "reason": answers[environment.name].reason,
            }
            for environment in self._environments
        ]
        print_json({"event": "settled", "environments": found})


def _overview(environments: Sequence[Environment], homeport: str) -> str:
    """Where everything is, and how to connect."""
    rows = [
        (
            environment.name,
            environment.mcp_url or "off",
            _sse(environment),
            str(environment.data_directory),
            "protected" if environment.protected else "",
        )
        for environment in environments
    ]
    connect = "\n".join(f"  {line}" for environment in environments for line in _connecting(environment, homeport))
    health = "\n".join(f"  {environment.health_url}" for environment in environments)
    head = ("ENVIRONMENT", "HTTP", "SSE", "DATA", "")
    return f"\n{table(head, rows)}\n\nConnect Claude Code:\n{connect}\n\nHealth:\n{health}\n"


def _connecting(environment: Environment, homeport: str) -> list[str]:
    """What to type; a token is made by who types it, and stands in no log."""
    if environment.auth == "open":
        return [environment.connect_line]
    return [
        f"# {environment.name} answers nobody without a token; this makes one",
        f"{TOKEN_VARIABLE}=$({homeport} token create {environment.name} --name {_NAME})",
        environment.connect_line,
    ]


def _sse(environment: Environment) -> str:
    # The table says what is there, so it asks: a declared port is not yet one that answers.
    if environment.sse_url is None or environment.sse_port is None:
        return "off"
    return environment.sse_url if is_listening(environment.listen, environment.sse_port) else "not served"
