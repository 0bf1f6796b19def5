"""A bucket of an S3-compatible object store as a place."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from homeport.errors import UsageError
from homeport.host.places.place import (
    MOST_LISTED,
    NotAtPlaceError,
    PlaceDeniedError,
    PlaceError,
    Progress,
    Stored,
    Timeouts,
    checked,
)
from homeport.secret import Secret

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential, S3Store

_PIECE: Final = 8 * 1024 * 1024
"""Bytes of one request."""
_MOST_PARTS: Final = 9_000
"""Of one upload; the protocol allows ten thousand."""
_AT_ONCE: Final = 2
_RETRIES: Final = 2
_NO_OBJECT: Final = ".homeport-nothing"


@dataclass(frozen=True, slots=True)
class S3Access:
    """Who asks, and where."""

    key: str
    secret: Secret
    endpoint: str | None = None
    """A URL; None for Amazon's own."""
    region: str = "us-east-1"
    session_token: Secret | None = None


class S3Place:
    """Objects below a prefix of a bucket.

    Args:
        bucket: its name.
        prefix: without slashes at its ends; may be empty.
        access: credentials and endpoint.
        timeouts: of connecting, and of one request.
    """

    def __init__(self, bucket: str, prefix: str, access: S3Access, timeouts: Timeouts | None = None) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._access = access
        self._timeouts = timeouts or Timeouts()

    @property
    def name(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def put(self, file: Path, name: str, progress: Progress | None = None) -> None:
        import obstore

        key = self._key(name)
        size = file.stat().st_size
        piece = max(_PIECE, size // _MOST_PARTS)
        with self._explained(name):
            # An upload becomes an object once it is complete, and one that fails is aborted.
            obstore.put(self._store(), key, _pieces(file, piece, progress), chunk_size=piece, max_concurrency=_AT_ONCE)

    def read(self, name: str) -> Iterator[bytes]:
        import obstore

        key, store = self._key(name), self._store()
        with self._explained(name):
            size = obstore.head(store, key)["size"]
        # Piece by piece: a time limit counts for a whole answer, and an archive may take hours.
        for start in range(0, size, _PIECE):
            with self._explained(name):
                piece = bytes(obstore.get_range(store, key, start=start, end=min(start + _PIECE, size)))
            if len(piece) != min(_PIECE, size - start):
                raise PlaceError(self.name, f"{name} changed while it was read")
            yield piece

    def files(self) -> list[Stored]:
        import obstore

        above = f"{self._prefix}/" if self._prefix else ""
        from obstore.exceptions import BaseError

        try:
            found = obstore.list_with_delimiter(self._store(), self._prefix or None)["objects"]
        except (BaseError, OSError) as error:
            self._look_closer()
            raise PlaceError(self.name, self._told(error)) from None
        listed = [Stored(one["path"].removeprefix(above), one["size"]) for one in found[:MOST_LISTED]]
        return sorted(listed, key=lambda one: one.name)

    def remove(self, name: str) -> None:
        import obstore

        with self._explained(None):
            obstore.delete(self._store(), self._key(name))

    def remove_parts(self) -> None:
        """Parts of uploads that were broken off are no objects; a bucket has a rule of its own that ends them."""

    def _look_closer(self) -> None:
        """Of a list, the library says neither that it was refused nor that there is no bucket; of an object it does."""
        import obstore

        try:
            with self._explained("list of files"):
                obstore.head(self._store(retries=0), self._key(_NO_OBJECT))
        except NotAtPlaceError:
            return

    def _key(self, name: str) -> str:
        return "/".join(part for part in (self._prefix, checked(self.name, name)) if part)

    def _store(self, retries: int = _RETRIES) -> S3Store:
        from obstore.store import S3Store

        access = self._access
        config: S3Config = {
            "region": access.region,
            "endpoint": access.endpoint or f"https://s3.{access.region}.amazonaws.com",
            # With the bucket in the path, one endpoint serves all: those of a network's own have no name for each.
            "virtual_hosted_style_request": False,
        }
        return S3Store(
            self._bucket,
            config=config,
            # Given this way, and with an endpoint, nothing of the environment's AWS_ variables gets between.
            credential_provider=self._credential,
            client_options={
                "allow_http": (access.endpoint or "").startswith("http://"),
                "connect_timeout": timedelta(seconds=self._timeouts.connect),
                "timeout": timedelta(seconds=self._timeouts.silence),
            },
            retry_config={
                "max_retries": retries,
                "retry_timeout": timedelta(seconds=self._timeouts.silence),
            },
        )

    def _credential(self) -> S3Credential:
        token = self._access.session_token
        return {
            "access_key_id": self._access.key,
            "secret_access_key": self._access.secret.reveal(),
            "token": token.reveal() if token else None,
            "expires_at": None,
        }

    @contextmanager
    def _explained(self, name: str | None) -> Iterator[None]:
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        try:
            yield
        except FileNotFoundError:
            what = f"there is no {name}, or no such bucket" if name else "there is no such bucket"
            raise NotAtPlaceError(self.name, what) from None
        except (PermissionDeniedError, UnauthenticatedError):
            raise PlaceDeniedError(self.name, "these credentials are refused") from None
        except (BaseError, OSError, ValueError) as error:
            raise PlaceError(self.name, self._told(error)) from None

    def _told(self, error: Exception) -> str:
        """The first line of what the library says; the rest is its own state, and credentials are taken out."""
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        for secret in (self._access.key, self._access.secret.reveal()):
            text = text.replace(secret, "…") if secret else text
        return text[:300].rstrip(".")


def _pieces(file: Path, size: int, progress: Progress | None) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while piece := stream.read(size):
            yield piece
            if progress is not None:
                progress(len(piece))


def access_from(
    table: Mapping[str, object], environment: Mapping[str, str] = os.environ, *, place: str = "s3"
) -> S3Access:
    """Credentials from a table of the credentials file, or where there is none from the environment's usual variables.

    Raises:
        UsageError: there are none, or one is no text. No value is in the error.
    """
    names = {
        "access_key_id": "AWS_ACCESS_KEY_ID",
        "secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
        "endpoint": "AWS_ENDPOINT_URL",
        "region": "AWS_REGION",
    }
    wrong = [key for key in table if key not in names or not isinstance(table[key], str)]
    if wrong:
        raise UsageError(f"The credentials of {place}: {wrong[0]} is no text, or unknown.", _known(names))
    given = table or {key: environment.get(variable, "") for key, variable in names.items()}
    found = {key: str(given.get(key, "")) for key in names}
    if not found["access_key_id"] or not found["secret_access_key"]:
        raise UsageError(f"There are no credentials for {place}.", _known(names))
    return S3Access(
        key=found["access_key_id"],
        secret=Secret(found["secret_access_key"]),
        endpoint=found["endpoint"] or None,
        region=found["region"] or "us-east-1",
        session_token=Secret(found["session_token"]) if found["session_token"] else None,
    )


def _known(names: Mapping[str, str]) -> str:
    return f"Its table in the credentials file may hold {', '.join(names)}."
