"""Whatever ``rclone`` reaches as a place."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from homeport.host.places.pipes import EndedError, Pipes, SilentError
from homeport.host.places.place import (
    PART,
    NotAtPlaceError,
    PlaceError,
    Progress,
    Stored,
    Timeouts,
    checked,
)

_DIRECTORY_NOT_FOUND: Final = 3
_FILE_NOT_FOUND: Final = 4
_SLOWEST: Final = 20_000
"""Bytes a second, below which a copy is called off."""
_MOST_TOLD: Final = 300


class RclonePlace:
    """Files in a directory of one of rclone's remotes, which must exist where the remote has directories.

    Args:
        remote: ``remote:path``, as rclone writes it.
        config: rclone's configuration file; None for its own.
        timeouts: of connecting, and of silence.
    """

    def __init__(self, remote: str, config: str | None = None, timeouts: Timeouts | None = None) -> None:
        self._remote = remote.rstrip("/")
        self._config = config
        self._timeouts = timeouts or Timeouts()

    @property
    def name(self) -> str:
        return f"rclone:{self._remote}"

    def put(self, file: Path, name: str, progress: Progress | None = None) -> None:
        target = self._path(checked(self.name, name))
        part = self._path(f".{name}{PART}{secrets.token_hex(4)}")
        size = file.stat().st_size
        try:
            self._run("copyto", str(file), part, more=size / _SLOWEST)
            if progress is not None:
                progress(size)
            self._run("moveto", part, target, more=size / _SLOWEST)
        except PlaceError:
            self._start("deletefile", (), (part,), self._timeouts.silence)
            raise

    def read(self, name: str) -> Iterator[bytes]:
        path = self._path(checked(self.name, name))
        listed = {one.name: one.size for one in self.files()}
        if name not in listed:
            raise NotAtPlaceError(self.name, f"there is no {name}")
        try:
            command = self._command("cat", ("--buffer-size", "1M"), (path,))
            with Pipes(command, self._timeouts.connect + self._timeouts.silence) as pipes:
                left = listed[name]
                while left:
                    piece = pipes.receive(min(left, 1 << 20))
                    left -= len(piece)
                    yield piece
        except SilentError:
            raise PlaceError(self.name, "nothing has come for too long") from None
        except EndedError:
            raise PlaceError(self.name, f"{name} ended before its {listed[name]} bytes") from None

    def files(self) -> list[Stored]:
        found = [one for one in self._everything() if PART not in one.name]
        return sorted(found, key=lambda one: one.name)

    def remove(self, name: str) -> None:
        path = self._path(checked(self.name, name))
        if any(one.name == name for one in self._everything()):
            self._run("deletefile", path)

    def remove_parts(self) -> None:
        for one in self._everything():
            if one.name.startswith(".") and PART in one.name:
                self._run("deletefile", self._path(one.name))

    def _everything(self) -> Iterator[Stored]:
        told = self._run("lsjson", self._remote, flags=("--files-only", "--no-modtime", "--no-mimetype"))
        return (Stored(str(one["Name"]), int(one["Size"])) for one in json.loads(told))

    def _path(self, name: str) -> str:
        return f"{self._remote}{name}" if self._remote.endswith(":") else f"{self._remote}/{name}"

    def _command(self, verb: str, flags: Sequence[str], paths: Sequence[str]) -> list[str]:
        options = [
            *("--contimeout", f"{self._timeouts.connect:g}s", "--timeout", f"{self._timeouts.silence:g}s"),
            *("--retries", "1", "--low-level-retries", "3", "--ask-password=false", "--quiet"),
        ]
        if self._config is not None:
            options += ["--config", self._config]
        return ["rclone", verb, *options, *flags, "--", *paths]

    def _run(self, verb: str, *paths: str, flags: Sequence[str] = (), more: float = 0.0) -> bytes:
        """One command to its end; ``more`` seconds for the bytes it carries."""
        ended = self._start(verb, flags, paths, self._timeouts.connect + self._timeouts.silence + more)
        if ended.returncode == 0:
            return ended.stdout
        lines = [line.strip() for line in ended.stderr.decode(errors="replace").splitlines() if line.strip()]
        text = " ".join(lines[-3:]) or f"exit code {ended.returncode}"
        told = "".join(filter(str.isprintable, text))[-_MOST_TOLD:].rstrip(".")
        if ended.returncode in {_DIRECTORY_NOT_FOUND, _FILE_NOT_FOUND}:
            raise NotAtPlaceError(self.name, f"rclone says: {told}", "The first backup that is put there makes it.")
        raise PlaceError(self.name, f"rclone says: {told}")

    def _start(
        self, verb: str, flags: Sequence[str], paths: Sequence[str], within: float
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                self._command(verb, flags, paths),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=within,
                check=False,
            )
        except FileNotFoundError:
            raise PlaceError(self.name, "there is no program rclone on this machine", "Install rclone.") from None
        except subprocess.TimeoutExpired:
            raise PlaceError(self.name, f"rclone {verb} was not done in {within:.0f} seconds") from None
