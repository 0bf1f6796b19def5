"""Files that do not change while a server runs: styles, scripts, letters. Their address has a hash of what they are."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Final, NamedTuple

from homeport.transports.exchange import Exchange, Header
from homeport.transports.pages.names import STATIC

_TYPES: Final = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
    ".woff2": b"font/woff2",
}
_FOREVER: Final = b"public, max-age=31536000, immutable"
_ALWAYS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
)


class _File(NamedTuple):
    content: bytes
    content_type: bytes


class Assets:
    """Answers what is below ``/static``.

    Args:
        more: files that are made and not packaged, by name.

    Attributes:
        version: a hash of all files; part of each address, so that they find each other by name alone.
    """

    def __init__(self, more: dict[str, bytes]) -> None:
        folder = resources.files("homeport.transports.pages") / "static"
        packaged = {one.name: one.read_bytes() for one in folder.iterdir() if _type_of(one.name) is not None}
        found = sorted({**packaged, **more}.items())
        self._files = {name: _File(content, _type_of(name) or b"") for name, content in found}
        self.version = hashlib.sha256(b"".join(name.encode() + content for name, content in found)).hexdigest()[:16]

    def address(self, name: str) -> str:
        """Of a file, without the proxy's prefix.

        Raises:
            KeyError: there is none of that name.
        """
        self._files[name]
        return f"/{STATIC}/{self.version}/{name}"

    async def answer(self, exchange: Exchange) -> None:
        """Sends a file; under an old address, for a page that was open before a deploy, what it is now."""
        _, _, version, name = [*exchange.path.split("/", 3), "", ""][:4]
        file = self._files.get(name)
        if file is None:
            await exchange.problem(404, {"code": "not_found", "message": "There is no such file."}, _ALWAYS)
            return
        if exchange.method not in ("GET", "HEAD"):
            await exchange.problem(405, {"code": "method", "message": "Files are read."}, [(b"allow", b"GET, HEAD")])
            return
        caching = _FOREVER if version == self.version else b"no-cache"
        await exchange.respond(200, file.content, file.content_type, [*_ALWAYS, (b"cache-control", caching)])


def _type_of(name: str) -> bytes | None:
    return _TYPES.get(name[name.rfind(".") :])
