"""What is answered to bytes that are no HTTP request, before any application sees them."""

from __future__ import annotations

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from homeport.contract import ENVIRONMENT_HEADER
from homeport.server.connection import BoundedConnection


def protocol_of(environment: str) -> type[HttpToolsProtocol]:
    """Uvicorn's HTTP protocol, whose one own answer names the environment too, as every other does."""

    class Protocol(BoundedConnection):
        def send_400_response(self, msg: str) -> None:
            body = orjson.dumps({"error": {"code": "malformed", "message": self.fault or msg}})
            head = (
                "HTTP/1.1 400 Bad Request",
                "content-type: application/json",
                f"content-length: {len(body)}",
                f"{ENVIRONMENT_HEADER.lower()}: {environment}",
                "connection: close",
                "\r\n",
            )
            self.transport.write("\r\n".join(head).encode() + body)
            self.transport.close()

    return Protocol
