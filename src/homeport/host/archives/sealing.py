"""Seals archives to age recipients, and opens them again.

The machine that makes backups needs the recipients alone, which are public: it cannot read what it has sealed.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, Final

from homeport.errors import GuardError, HomeportError, UsageError
from homeport.host.archives.refusal import NotOpenedError
from homeport.host.archives.streams import CHUNK, ByteStream, Sink, write_all

_BEGINNING: Final = "AGE-SECRET-KEY-"
"""Of a secret key."""
_MOST_KEYS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody to whom an archive is sealed."""

    text: str
    key: Any = field(repr=False)
    """The library's, which has no types."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A secret key."""

    key: Any = field(repr=False)


def read_recipients(texts: Iterable[str]) -> list[Recipient]:
    """Public keys: ``age1...``, or a line of ``authorized_keys``.

    Raises:
        UsageError: one is not.
    """
    return [_recipient(text.strip()) for text in texts]


def _recipient(text: str) -> Recipient:
    import pyrage

    if text.upper().startswith(_BEGINNING):
        raise UsageError("A secret key stands among the recipients.", "Only its public key (age1...) belongs there.")
    try:
        if text.startswith("ssh-"):
            return Recipient(text, pyrage.ssh.Recipient.from_str(text))
        return Recipient(text, pyrage.x25519.Recipient.from_str(text))
    except pyrage.RecipientError:
        raise UsageError(
            f"{text!r} is not an age recipient.", "age-keygen prints one: age1 and 58 more letters and digits."
        ) from None


def read_identities(file: Path) -> list[Identity]:
    """The secret keys of an identity file: what ``age-keygen`` writes, or an SSH key without a passphrase.

    Raises:
        GuardError: others than its owner may read it.
        UsageError: it cannot be read or holds no key. Nothing of it is in the error.
    """
    import pyrage

    try:
        with file.open("rb") as stream:
            if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077:
                raise GuardError(f"{file} may be read by others than its owner.", f"chmod 600 {file}")
            content = stream.read(_MOST_KEYS)
    except OSError as error:
        raise UsageError(f"The identity file {file} cannot be read: {error.strerror}.") from None
    try:
        if content.startswith(b"-----BEGIN"):
            return [Identity(pyrage.ssh.Identity.from_buffer(content))]
        lines = [line.strip() for line in content.decode().splitlines()]
        keys = [Identity(pyrage.x25519.Identity.from_str(line)) for line in lines if line and line[0] != "#"]
    except (pyrage.IdentityError, UnicodeDecodeError):
        keys = []
    if not keys:
        raise UsageError(f"The identity file {file} holds no age identity.", "age-keygen -o FILE writes one.")
    return keys


def seal(chunks: Iterator[bytes], out: Sink, recipients: Sequence[Recipient]) -> None:
    """Writes the sealed form of ``chunks`` to ``out``, a little at a time."""
    import pyrage

    source, sink = _Reader(chunks), _Writer(out)
    try:
        pyrage.encrypt_io(source, sink, [recipient.key for recipient in recipients])
    except (pyrage.EncryptError, OSError) as error:
        raise source.error or sink.error or HomeportError(f"Sealing failed: {error}.") from None


def unseal(chunks: Iterable[bytes], identities: Sequence[Identity]) -> Iterator[bytes]:
    """The opened form of sealed chunks.

    A thread opens and a pipe hands on, since the library pushes and our readers pull.

    Raises:
        NotOpenedError: it is damaged, cut off, or sealed to others.
    """
    reading, writing = os.pipe()
    opening = _Opening(_Reader(iter(chunks)), writing, identities)
    opening.start()
    try:
        with FileIO(reading, "rb") as pipe:
            while chunk := pipe.read(CHUNK):
                yield chunk
    finally:
        # Where nobody reads on, the pipe is closed by now and the thread ends on it.
        opening.join()
    if opening.error is not None:
        raise opening.error


class _Opening(threading.Thread):
    def __init__(self, source: _Reader, writing: int, identities: Sequence[Identity]) -> None:
        super().__init__(name="unseal", daemon=True)
        self._source = source
        self._writing = writing
        self._identities = identities
        self.error: BaseException | None = None

    def run(self) -> None:
        import pyrage

        with FileIO(self._writing, "wb") as pipe:
            sink = _Writer(pipe)
            try:
                pyrage.decrypt_io(self._source, sink, [identity.key for identity in self._identities])
            except (pyrage.DecryptError, OSError) as error:
                cannot = NotOpenedError(f"cannot be opened with this identity, or is damaged ({error})")
                self.error = self._source.error or sink.error or cannot


class _Reader:
    """Chunks as the library reads them; keeps the error that it would turn into a text."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._stream = ByteStream(chunks)
        self.error: BaseException | None = None

    def read(self, count: int) -> bytes:
        try:
            return self._stream.up_to(count)
        except BaseException as error:
            self.error = error
            raise


class _Writer:
    def __init__(self, out: Sink) -> None:
        self._out = out
        self.error: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            write_all(self._out, data)
        except BaseException as error:
            self.error = error
            raise
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""
