"""A directory of an SSH server as a place, by the machine's own ``ssh``."""

from __future__ import annotations

import posixpath
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from homeport.host.places import sftp_protocol
from homeport.host.places.pipes import EndedError, Pipes, SilentError
from homeport.host.places.place import (
    PART,
    NotAtPlaceError,
    PlaceDeniedError,
    PlaceError,
    Progress,
    Stored,
    Timeouts,
    checked,
)
from homeport.host.places.sftp_protocol import ProtocolError, Sftp, StatusError

_KINDS: Final = {
    sftp_protocol.NO_SUCH_FILE: NotAtPlaceError,
    sftp_protocol.PERMISSION_DENIED: PlaceDeniedError,
}


@dataclass(frozen=True, slots=True)
class SshAccess:
    """How ``ssh`` gets there, besides what its own configuration says."""

    host: str
    user: str | None = None
    port: int | None = None
    identity_file: str | None = None
    known_hosts: str | None = None


class SftpPlace:
    """Files in a directory at an SSH server; the directory must exist.

    ``ssh`` runs without a terminal: it asks for nothing, so the key needs no passphrase (or an agent), and the server's
    own key must be known.

    Args:
        access: the server.
        directory: there.
        timeouts: of connecting, and of silence.
    """

    def __init__(self, access: SshAccess, directory: str, timeouts: Timeouts | None = None) -> None:
        self._access = access
        self._directory = directory
        self._timeouts = timeouts or Timeouts()

    @property
    def name(self) -> str:
        user = f"{self._access.user}@" if self._access.user else ""
        port = f":{self._access.port}" if self._access.port else ""
        return f"sftp://{user}{self._access.host}{port}{self._directory}"

    def put(self, file: Path, name: str, progress: Progress | None = None) -> None:
        target = self._path(name)
        part = self._path_of(f".{name}{PART}{secrets.token_hex(4)}")
        with file.open("rb") as source, self._session(name) as session:
            try:
                for count in session.upload(source, part):
                    if progress is not None:
                        progress(count)
                session.rename(part, target)
            except StatusError:
                # The server still answers, so that it can be asked to tidy up.
                session.remove(part)
                raise

    def read(self, name: str) -> Iterator[bytes]:
        path = self._path(name)
        with self._session(name) as session:
            yield from session.download(path)

    def files(self) -> list[Stored]:
        with self._session(None) as session:
            found = [
                Stored(raw.decode(errors="replace"), attributes.size)
                for raw, attributes in session.names(self._directory.encode())
                if attributes.is_file and PART.encode() not in raw
            ]
        return sorted(found, key=lambda one: one.name)

    def remove(self, name: str) -> None:
        with self._session(None) as session:
            session.remove(self._path(name))

    def remove_parts(self) -> None:
        with self._session(None) as session:
            for raw, attributes in list(session.names(self._directory.encode())):
                if attributes.is_file and raw.startswith(b".") and PART.encode() in raw:
                    session.remove(posixpath.join(self._directory.encode(), raw))

    def _path(self, name: str) -> bytes:
        return self._path_of(checked(self.name, name))

    def _path_of(self, name: str) -> bytes:
        return posixpath.join(self._directory, name).encode()

    def _command(self) -> list[str]:
        access, silence = self._access, max(1, int(self._timeouts.silence) // 3)
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "ConnectTimeout": str(max(1, int(self._timeouts.connect))),
            "ServerAliveInterval": str(silence),
            "ServerAliveCountMax": "3",
            "ClearAllForwardings": "yes",
            "ForwardAgent": "no",
        }
        if access.identity_file:
            options |= {"IdentityFile": access.identity_file, "IdentitiesOnly": "yes"}
        if access.known_hosts:
            options |= {"UserKnownHostsFile": access.known_hosts, "GlobalKnownHostsFile": "/dev/null"}
        command = ["ssh", *(f"-o{key}={value}" for key, value in options.items())]
        if access.port:
            command += ["-p", str(access.port)]
        if access.user:
            command += ["-l", access.user]
        return [*command, "-s", "--", access.host, "sftp"]

    @contextmanager
    def _session(self, name: str | None) -> Iterator[Sftp]:
        try:
            pipes = Pipes(self._command(), self._timeouts.connect + self._timeouts.silence)
        except FileNotFoundError:
            raise PlaceError(self.name, "there is no program ssh on this machine", "Install openssh-client.") from None
        with pipes, self._explained(pipes, name):
            session = Sftp(pipes)
            self._must_be_there(session)
            yield session

    def _must_be_there(self, session: Sftp) -> None:
        """Told apart from a file that is missing, since the protocol's answer is the same."""
        try:
            found = session.stat(self._directory.encode())
        except StatusError as error:
            if error.code != sftp_protocol.NO_SUCH_FILE:
                raise
            found = None
        if found is None or not stat.S_ISDIR(found.mode):
            raise NotAtPlaceError(self.name, "there is no such directory", "Make it at the server.")

    @contextmanager
    def _explained(self, pipes: Pipes, name: str | None) -> Iterator[None]:
        try:
            yield
        except StatusError as error:
            kind = _KINDS.get(error.code, PlaceError)
            what = f"there is no {name}" if kind is NotAtPlaceError and name else f"the server says: {error.text}"
            raise kind(self.name, what) from None
        except ProtocolError as error:
            raise PlaceError(self.name, f"what answers does not speak SFTP ({error})") from None
        except SilentError:
            raise PlaceError(self.name, "nothing has come for too long") from None
        except EndedError:
            told = pipes.told() or "the connection has ended"
            raise PlaceError(self.name, f"ssh says: {told.rstrip('.')}", _SSH_HINT) from None


_SSH_HINT: Final = (
    "Try it by hand as this user, without a passphrase: ssh -o BatchMode=yes HOST. The server's key must be known."
)
