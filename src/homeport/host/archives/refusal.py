"""How an archive that is not good is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from homeport.environments.backups.manifest import ManifestError
from homeport.errors import HomeportError


class ArchiveError(HomeportError):
    """An archive that is not what was written: damaged, cut off, changed, or made by somebody to do harm.

    Args:
        archive: its file, or its name at its place.
        what: what is wrong with it, without a full stop.
        member: the path inside, where it is about one.
    """

    code: ClassVar[str] = "archive"

    def __init__(self, archive: str, what: str, member: str | None = None) -> None:
        self.archive = archive
        self.member = member
        # Names of members come from outside: repr keeps newlines and stray bytes out of the terminal.
        where = archive if member is None else f"{archive}, {member!r}"
        details = {"archive": archive} if member is None else {"archive": archive, "member": ascii(member)[1:-1]}
        super().__init__(f"{where}: {what}.", "Use another backup, or another copy of this one.", **details)


class BrokenError(ValueError):
    """What one layer of reading found; :func:`refusing` adds which archive it is."""

    def __init__(self, what: str, member: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.member = member


class NotOpenedError(BrokenError):
    """A sealed archive that no identity opens, or that is damaged: what it says cannot be told apart."""


class SealedError(ArchiveError):
    """See :class:`NotOpenedError`."""


@contextmanager
def refusing(archive: str) -> Iterator[None]:
    """Turns what the layers find into errors that name the archive."""
    try:
        yield
    except NotOpenedError as error:
        raise SealedError(archive, error.what) from None
    except BrokenError as error:
        raise ArchiveError(archive, error.what, error.member) from None
    except ManifestError as error:
        reasons = "; ".join(map(str, error.faults[:5]))
        raise ArchiveError(archive, f"cannot be believed: {reasons}", "manifest.json") from None
    except OSError as error:
        raise HomeportError(f"{archive} cannot be read: {error.strerror or error}.") from None
