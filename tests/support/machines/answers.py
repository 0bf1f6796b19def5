"""What a machine's commands and servers answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """How a command ended; ``out`` and ``err`` are its text."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Answer:
    """An HTTP response; header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> object:
        """The body, read as JSON."""
        return json.loads(self.body)


def parse_answer(text: str) -> Answer:
    """What ``curl --include`` printed."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    status, *lines = head.split("\n")
    fields = (line.partition(":") for line in lines)
    return Answer(int(status.split()[1]), {name.lower(): value.strip() for name, _, value in fields}, body)
