"""The port to a place for backups, and its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Protocol

from homeport.errors import HomeportError

Progress = Callable[[int], None]
"""Told how many bytes more have been done."""

PART: Final = ".part-"
"""In the name of a file on its way; such a file is no file of the place."""
MOST_LISTED: Final = 100_000
"""Files of a place that are looked at."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One file at a place."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a place may be silent, in seconds, before it is called unreachable."""

    connect: float = 15.0
    silence: float = 120.0
    """Also of one request of an object store, which carries some megabytes."""


class Place(Protocol):
    """Where finished files are put, under plain names. Every method may raise :class:`PlaceError`."""

    @property
    def name(self) -> str:
        """For people, in messages and records; as it was declared, and never with a secret."""

    def put(self, file: Path, name: str, progress: Progress | None = None) -> None:
        """Puts a copy of ``file`` there, in place of one of that name.

        A copy that fails leaves no part under ``name``, and what had that name before is as it was.
        """

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes of a file, as they lie there.

        Raises:
            NotAtPlaceError: there is none of that name.
        """

    def files(self) -> list[Stored]:
        """All finished files that lie there, backups or not, by name; none of directories, links and parts."""

    def remove(self, name: str) -> None:
        """Removes a file; one that is not there is no error."""

    def remove_parts(self) -> None:
        """Removes what copies that were broken off left there. Nobody may be copying to it now."""


class PlaceError(HomeportError):
    """A place could not do what it was asked for, or cannot be reached; what was there before is there.

    Args:
        place: its name.
        what: what happened, without a full stop.
        hint: what to do next.
    """

    code: ClassVar[str] = "place"
    usual_hint: ClassVar[str] = "Look whether it can be reached from this machine, and has room."

    def __init__(self, place: str, what: str, hint: str = "") -> None:
        self.place = place
        super().__init__(f"{place}: {what}.", hint or self.usual_hint, place=place)


class PlaceDeniedError(PlaceError):
    """A place does not let us in, or not do that."""

    code: ClassVar[str] = "place_denied"
    usual_hint: ClassVar[str] = "Look at the credentials and at what they allow."


class NotAtPlaceError(PlaceError):
    """A place does not have that file, or is not there itself."""

    code: ClassVar[str] = "not_at_place"
    usual_hint: ClassVar[str] = "homeport backup list shows what lies where."


def checked(place: str, name: str) -> str:
    """A name that stays a plain file of its place.

    Raises:
        PlaceError: it is none.
    """
    if name in {"", ".", ".."} or "/" in name or not name.isprintable() or PART in name or name.startswith("-"):
        raise PlaceError(place, f"{name!r} is not a name for a file there")
    return name
