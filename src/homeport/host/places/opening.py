"""Makes places from their URLs, and reads the file with their credentials."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from homeport.errors import GuardError, UsageError
from homeport.host.places.directory import DirectoryPlace
from homeport.host.places.place import Place, Timeouts
from homeport.host.places.rclone import RclonePlace
from homeport.host.places.s3 import S3Place, access_from
from homeport.host.places.sftp import SftpPlace, SshAccess

_RCLONE: Final = "rclone:"
_LARGEST: Final = 1 << 20

Credentials = Mapping[str, Mapping[str, object]]
"""By place, as it is declared. Values are secrets: they are neither printed nor logged."""


def read_credentials(file: Path) -> Credentials:
    """The credentials file: TOML, a table for each place, named by the place.

    Raises:
        GuardError: others than its owner may read it.
        UsageError: it cannot be read, or is not of that form. Nothing of what it holds is in the error.
    """
    try:
        with file.open("rb") as stream:
            if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077:
                raise GuardError(f"{file} may be read by others than its owner.", f"chmod 600 {file}")
            content = stream.read(_LARGEST)
    except OSError as error:
        raise UsageError(f"The credentials file {file} cannot be read: {error.strerror}.") from None
    hint = '["s3://bucket/prefix"] and below it access_key_id = "..." and secret_access_key = "...".'
    try:
        found: dict[str, Any] = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # What the parser says quotes the text.
        raise UsageError(f"The credentials file {file} is not TOML.", hint) from None
    if not all(isinstance(table, dict) for table in found.values()):
        raise UsageError(f"The credentials file {file} must hold a table for each place.", hint)
    return found


def open_place(url: str, credentials: Credentials | None = None, timeouts: Timeouts | None = None) -> Place:
    """The place that a URL names; nothing is connected yet.

    Args:
        url: ``/a/directory``, ``s3://bucket/prefix``, ``sftp://[user@]host[:port]/path`` or ``rclone:remote:path``.
        credentials: from :func:`read_credentials`. Keys by kind of place: s3 takes ``access_key_id``,
            ``secret_access_key``, ``session_token``, ``endpoint`` and ``region`` (or the usual AWS_ variables); sftp
            ``identity_file`` and ``known_hosts``; rclone ``config``.
        timeouts: how long it may be silent.

    Raises:
        UsageError: it is no such URL, or its credentials are missing or not of their form.
    """
    table = (credentials or {}).get(url, {})
    if url.startswith("/"):
        return DirectoryPlace(Path(url))
    if url.startswith(_RCLONE):
        _only(url, table, "config")
        return RclonePlace(url.removeprefix(_RCLONE), _text(table, "config"), timeouts)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _no_place(url) from None
    if parts.scheme == "s3" and host and parts.username is None and not parts.query:
        return S3Place(parts.netloc, unquote(parts.path).strip("/"), access_from(table, place=url), timeouts)
    if parts.scheme == "sftp" and host and parts.password is None and parts.path and not host.startswith("-"):
        _only(url, table, "identity_file", "known_hosts")
        access = SshAccess(host, parts.username, port, _text(table, "identity_file"), _text(table, "known_hosts"))
        return SftpPlace(access, unquote(parts.path), timeouts)
    raise _no_place(url)


def _only(url: str, table: Mapping[str, object], *known: str) -> None:
    for key, value in table.items():
        if key not in known or not isinstance(value, str):
            raise UsageError(f"The credentials of {url}: {key} is no text, or unknown.", f"Known: {', '.join(known)}.")


def _text(table: Mapping[str, object], key: str) -> str | None:
    value = table.get(key)
    return value if isinstance(value, str) else None


def _no_place(url: str) -> UsageError:
    # What is no place may hold a password; only its beginning is told.
    return UsageError(
        f"A place that begins with {url[:8]!r} is none.",
        "Write /a/directory, s3://bucket/prefix, sftp://user@host/path or rclone:remote:path.",
    )
