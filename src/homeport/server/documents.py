"""Gets the documents in which clients describe themselves (client id metadata documents), from public addresses only.

A stranger chooses the address, so it must not become a way into the network that the server stands in: the name is
resolved once, every address it has must be public, and the connection goes to the address that was judged.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx2

SECONDS: Final = 5.0
"""In which the whole document must be here."""
MAX_BYTES: Final = 16_384
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[[str], Awaitable[list[str]]]


class Documents:
    """Gets documents over https; redirects are not followed.

    Args:
        resolve: the addresses of a host name; the system's by default.
        transport: what carries requests; the network by default.
    """

    def __init__(self, resolve: Resolve | None = None, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._resolve = resolve or _resolved
        self._transport = transport

    async def fetch(self, url: str) -> bytes:
        """The document.

        Raises:
            OSError: there is none, it is too large or too slow, or it lies where nobody is sent.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "https" or parts.port not in (None, 443):
            raise ConnectionError(f"{host}: only https on its own port is asked")
        async with asyncio.timeout(SECONDS):
            addresses = await self._resolve(host)
            if not addresses or not all(is_public(address) for address in addresses):
                raise ConnectionError(f"{host} is no name of a public address")
            return await self._get(addresses[0], host, parts.path)

    async def _get(self, address: str, host: str, path: str) -> bytes:
        # Only a server with OAuth needs it, and it takes a while to load.
        import httpx2

        url = httpx2.URL(scheme="https", host=address, path=path)
        # The address is connected to, the name is what the certificate must say.
        headers, extensions = {"host": host, "accept": "application/json"}, {"sni_hostname": host}
        client = httpx2.AsyncClient(transport=self._transport, timeout=SECONDS, follow_redirects=False, trust_env=False)
        try:
            async with client, client.stream("GET", url, headers=headers, extensions=extensions) as response:
                if response.status_code != 200:
                    raise ConnectionError(f"{host} answers {response.status_code}")
                body = bytearray()
                async for part in response.aiter_bytes():
                    body += part
                    if len(body) > MAX_BYTES:
                        raise ConnectionError(f"{host}: the document is over {MAX_BYTES} bytes")
                return bytes(body)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ConnectionError(str(error) or type(error).__name__) from error


def is_public(address: str) -> bool:
    """Whether everybody can reach an address; one that stands for another is judged by neither and refused."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and (
        found.ipv4_mapped or found.sixtofour or found.teredo or found in _TRANSLATED
    ):
        return False
    return found.is_global and not found.is_multicast


async def _resolved(host: str) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
