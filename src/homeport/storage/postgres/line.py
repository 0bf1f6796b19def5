"""An asynchronous connection that may be given up at any moment, whatever the database does."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self

import psycopg

from homeport.storage.sql.database import Row


class Line:
    """Asks one thing after the other, in autocommit mode.

    Whoever is cancelled while it asks goes on at once: psycopg would ask the database to end the statement first,
    and wait for that, five seconds each. The answer may still come: such a line must be closed.
    """

    def __init__(self, connection: psycopg.AsyncConnection[Row]) -> None:
        self._connection = connection
        self._asking: asyncio.Task[list[Row]] | None = None

    @classmethod
    async def connect(cls, info: str) -> Self:
        """A line to the database.

        Raises:
            psycopg.Error: there is none to be had.
        """
        return cls(await psycopg.AsyncConnection.connect(info, autocommit=True))

    @property
    def closed(self) -> bool:
        """Whether it can be asked nothing more."""
        return self._connection.closed

    async def ask(self, statement: str, values: Sequence[Any] | None = None) -> list[Row]:
        """The rows of a statement.

        Raises:
            psycopg.Error: the statement or the connection failed.
        """
        self._asking = asyncio.create_task(self._ask(statement, values))
        await asyncio.wait([self._asking])
        return self._asking.result()

    async def close(self) -> None:
        """Lets go of it. What is being asked is given up: the database undoes it, or has done it already."""
        try:
            if self._asking is not None:
                # Not closed while somebody waits for it: another connection might get its number.
                if not self._asking.done():
                    _shut(self._connection)
                await asyncio.wait([self._asking])
                self._asking.exception()
        finally:
            await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _ask(self, statement: str, values: Sequence[Any] | None) -> list[Row]:
        cursor = await self._connection.execute(statement.encode(), values)
        return await cursor.fetchall() if cursor.description else []


def _shut(connection: psycopg.AsyncConnection[Row]) -> None:
    """Ends a connection's stream: whoever waits for it is told that it is lost."""
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as stream:
        stream.shutdown(socket.SHUT_RDWR)
