"""Where a server is, who it should be, and what is shown to it."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from homeport import __version__
from homeport.secret import Secret

CONNECT_SECONDS = 5.0
SILENT_SECONDS = 300.0
"""No byte for so long, in an answer or a stream: whoever answers there is taken to be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address of a server; ``environment`` is who must answer there, None where nobody said."""

    url: str
    environment: str | None = None
    token: Secret | None = None
    headers: Mapping[str, Secret] | None = None
    """Others that a client's configuration sends; any of them may be a secret."""

    @property
    def shown(self) -> str:
        """The address without anything that could be a secret in it."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def all_headers(self) -> dict[str, str]:
        """What every request carries."""
        given = {name: value.reveal() for name, value in (self.headers or {}).items()}
        if self.token is not None and "authorization" not in {name.lower() for name in given}:
            given["Authorization"] = f"Bearer {self.token.reveal()}"
        return given


def is_loopback(url: str) -> bool:
    """Whether an address can only be this machine."""
    host = (urlsplit(url).hostname or "").lower()
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def make_client(endpoint: Endpoint, *, agent: str) -> httpx2.AsyncClient:
    """An HTTP client for an endpoint.

    Proxies of the surroundings are used for other machines alone: one that was asked for 127.0.0.1 would look for the
    server on itself. Redirects are not followed, since they could carry the token elsewhere.
    """
    return httpx2.AsyncClient(
        headers={"User-Agent": f"{agent}/{__version__}", **endpoint.all_headers()},
        timeout=httpx2.Timeout(CONNECT_SECONDS, read=SILENT_SECONDS, write=60.0),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
        trust_env=not is_loopback(endpoint.url),
        follow_redirects=False,
    )


def tls_fault(error: BaseException) -> str | None:
    """What TLS found wrong, if it was TLS: no retry mends a certificate."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({seen.verify_message})"
        if isinstance(seen, ssl.SSLError):
            return f"TLS failed ({seen.reason or seen})"
        seen = seen.__cause__ or seen.__context__
    # The HTTP library keeps the text alone where its own layers lie between.
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted"
    return f"TLS failed ({text})" if "SSL" in text else None
