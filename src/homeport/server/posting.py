"""The one place where a server calls others: posts for webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx2

SECONDS: Final = 10.0
"""In which a receiver must have answered."""


class Poster:
    """Posts over kept connections; redirects are not followed, since the signature is for one address."""

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """The status of the answer.

        Raises:
            OSError: there was none.
        """
        # Only a server with webhooks needs it, and it takes a while to load.
        import httpx2

        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False)
        try:
            async with self._client.stream("POST", url, content=body, headers=headers) as response:
                return response.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ConnectionError(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.aclose()
