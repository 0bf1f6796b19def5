"""A database's server that lets nobody in."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from homeport.contract import DatabaseAddress


@asynccontextmanager
async def refusing(state: str) -> AsyncIterator[DatabaseAddress]:
    """A database whose server, a few lines that speak its protocol, lets nobody in and says why in another language."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whoever only looks whether there is a server leaves again without a word.
        asked = await _packet(reader)
        if asked == struct.pack("!I", 80877103):  # for TLS
            writer.write(b"N")
            await _packet(reader)
        fields = {"S": "FATAL", "V": "FATAL", "C": state, "M": 'V "FATAL" C "28000" geht gerade nicht'}
        text = b"".join(f"{name}{value}".encode() + b"\0" for name, value in fields.items()) + b"\0"
        writer.write(b"E" + struct.pack("!I", len(text) + 4) + text)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        yield DatabaseAddress(f"postgresql://homeport@127.0.0.1:{server.sockets[0].getsockname()[1]}/x")


async def _packet(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    return await reader.readexactly(length - 4)
