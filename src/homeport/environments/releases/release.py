"""A release: code of one commit, the settings it was made under, its schema and the backup made before it, together.

``releases/20261002T061500Z-1a2b3c4`` is the directory of one, which does not change any more, and
``releases/20261002T061500Z-1a2b3c4.json`` what is known about it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from homeport.environments.names import did_you_mean
from homeport.errors import HomeportError, UsageError

State = Literal["built", "good", "bad", "failed"]
"""``built``: complete, has not served. ``good``: served well. ``bad``: served, and was left. ``failed``: never did."""

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_ID: Final = re.compile(r"(?P<stamp>[0-9]{8}T[0-9]{6}Z)-(?P<commit>[0-9a-f]{7})(?P<dirty>-dirty)?(-(?P<number>[2-9]))?")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_ENDING: Final = ".json"
_SHOWN_LEAST: Final = 4
"""Characters of a commit that name a release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """All that is known about one release.

    Attributes:
        id: its name, of directories and in health answers.
        environment: whose.
        commit: its whole name.
        source: the repository that it was built from.
        created: RFC 3339, when its building began.
        by: who began it.
        why: what that person said of it; may be empty.
        state: see :data:`State`.
        dirty: whether it holds changes that no commit has, so that nobody can build it again.
        reason: why it failed or was left; empty where it did not.
        settings: the text of the declaration that it was made under.
        schema: the version of its store's schema; None where it never served, or has none.
        backup: the id of the backup that was made before it came; None where there were no data.
        served: RFC 3339, when it last came to serve; None where it never did.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    id: str
    environment: str
    commit: str
    source: str
    created: str
    by: str
    why: str = ""
    state: State = "built"
    dirty: bool = False
    reason: str = ""
    settings: str = ""
    schema: str | None = None
    backup: str | None = None
    served: str | None = None

    @property
    def is_usable(self) -> bool:
        """Whether one may go back to it."""
        return self.state in ("built", "good", "bad")


_ADAPTER: Final = TypeAdapter(Release)


def new_release_id(moment: datetime, commit: str, *, dirty: bool = False, taken: Collection[str] = ()) -> str:
    """The id of a release of a commit whose building begins at ``moment``; none of those that are ``taken``.

    Raises:
        UsageError: there are nine of this commit in this second.
    """
    name = f"{moment.astimezone(UTC).strftime(_STAMP)}-{commit[:7]}{'-dirty' if dirty else ''}"
    names = (name, *(f"{name}-{number}" for number in range(2, 10)))
    free = next((one for one in names if one not in taken), None)
    if free is None:
        raise UsageError(f"There are nine releases of {commit[:7]} in one second already.", "Try again.")
    return free


def is_release_id(text: str) -> bool:
    """Whether ``text`` has the form of an id, with a date that exists."""
    found = _ID.fullmatch(text)
    if found is None:
        return False
    try:
        datetime.strptime(found["stamp"], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def record_name(release: str) -> str:
    """The name of the file with what is known about a release."""
    return f"{release}{_ENDING}"


def releases_among(names: Collection[str]) -> list[str]:
    """Ids of the releases that have a record among the names of a directory, the oldest first."""
    found = [name.removesuffix(_ENDING) for name in names if name.endswith(_ENDING)]
    return sorted(name for name in found if is_release_id(name))


def release_text(release: Release) -> str:
    """A release as it stands in its file."""
    return json.dumps(asdict(release), indent=2, ensure_ascii=False) + "\n"


def parse_release(text: bytes, where: str) -> Release:
    """Reads what :func:`release_text` wrote, believing nothing.

    Args:
        text: of the file.
        where: the file's name, which must be the release's.

    Raises:
        HomeportError: it is malformed, or of another release.
    """
    try:
        release = _ADAPTER.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(map(str, first["loc"]))
        raise HomeportError(f"{where} is no record of a release: {path or 'it'}: {first['msg']}.") from None
    if where.rpartition("/")[2] != record_name(release.id) or not is_release_id(release.id):
        raise HomeportError(f"{where} is the record of {release.id!r}, not of its own name's release.")
    if not _COMMIT.fullmatch(release.commit):
        raise HomeportError(f"{where} is no record of a release: {release.commit!r} is not the name of a commit.")
    return release


def choose_release(named: str, releases: Sequence[Release]) -> Release:
    """The release that a person means: by its id, or the newest of a commit, by the beginning of that one's name.

    Raises:
        UsageError: there is none.
    """
    exact = [one for one in releases if one.id == named]
    of_commit = [one for one in releases if len(named) >= _SHOWN_LEAST and one.commit.startswith(named)]
    found = exact or sorted(of_commit, key=lambda one: one.id)
    if not found:
        meant = did_you_mean(named, [one.id for one in releases])
        raise UsageError(f"There is no release {named!r}{meant}.", "homeport releases ENV lists them.")
    return found[-1]
