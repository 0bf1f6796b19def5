"""What only one of a database's servers may do at a time: a lock that the database holds for a connection.

It is given up with the connection, so that a server which died, or was cut off, holds it no longer than the database
takes to notice (about fifteen seconds).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

import psycopg

from homeport.contract import DatabaseAddress
from homeport.errors import HomeportError
from homeport.storage.postgres.connection import NOTICE, conninfo, one_line
from homeport.storage.postgres.line import Line
from homeport.storage.postgres.locks import ERRANDS
from homeport.storage.postgres.standing import FITS

LOOK_SECONDS: Final = 1.0
"""Between two looks whether the turn has come, and whether it is still ours."""
ANSWER_SECONDS: Final = 5.0
"""In which the database must answer; a server that cannot ask it any more has no turn."""

# A server that cannot live with what another machine made of the schema leaves the turn to one that can.
_TAKE: Final = f"SELECT CASE WHEN {FITS} THEN pg_try_advisory_lock({ERRANDS}) ELSE false END"
_KEEP: Final = f"SELECT {FITS}"

_log = logging.getLogger(__name__)


async def take_turns(address: DatabaseAddress, errands: Callable[[], AbstractAsyncContextManager[None]]) -> None:
    """Does errands whenever it is this server's turn, until it is cancelled.

    Args:
        address: the database.
        errands: does them while its block runs.
    """
    said = ""
    while True:
        try:
            info = await asyncio.to_thread(conninfo, address)
            # The line is given up last: until then the database may let nobody else do errands.
            async with await Line.connect(info) as line:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await line.ask(NOTICE)
                await _while_it_says(line, _TAKE, answer=False)
                said = ""
                async with errands():
                    await _while_it_says(line, _KEEP, answer=True)
        except (psycopg.Error, HomeportError, OSError, TimeoutError) as error:
            reason = type(error).__name__ if isinstance(error, TimeoutError) else one_line(error)
            if reason != said:
                _log.warning("no errands are done here while the database is away: %s", reason)
                said = reason
        await asyncio.sleep(LOOK_SECONDS)


async def _while_it_says(line: Line, question: str, *, answer: bool) -> None:
    """Asks again and again for as long as the answer is this one."""
    while True:
        async with asyncio.timeout(ANSWER_SECONDS):
            [(said,)] = await line.ask(question)
        if said is not answer:
            return
        await asyncio.sleep(LOOK_SECONDS)
