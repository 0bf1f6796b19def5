"""Homeport with one tool more, which does nothing: for the comparison with servers whose tools do nothing.

It is the command line's own program with a larger catalogue: the same checks, the same dispatcher, the same read
transaction around the work, the same log.
"""

from __future__ import annotations

import sys
from typing import Final

from bench.peers.forty import MARKER
from homeport import cli
from homeport.coordination.store import Records
from homeport.coordination.values import JsonObject
from homeport.operations.catalogue import CATALOGUE
from homeport.operations.operation import Arguments, Call, Http, Operation
from homeport.server import serving


class Nothing(Arguments):
    """``noop`` takes nothing."""


class Text(Arguments):
    """Arguments of ``echo``."""

    text: str


def _nothing(records: Records, given: Nothing, call: Call) -> JsonObject:
    del records, given, call
    return {"answer": MARKER}


def _echo(records: Records, given: Text, call: Call) -> JsonObject:
    del records, call
    return {"text": given.text}


NOOP: Final = Operation("noop", "Does nothing.", Nothing, _nothing, "read", Http("GET", "/noop"))
ECHO: Final = Operation("echo", "Gives a text back.", Text, _echo, "read", Http("GET", "/echo"))

if __name__ == "__main__":
    # What the server is put together from is a constant there; only this comparison wants another.
    setattr(serving, "CATALOGUE", {**CATALOGUE, "noop": NOOP, "echo": ECHO})  # noqa: B010
    sys.exit(cli.main(sys.argv[1:]))
