"""Runs migrations within a transaction of any database, and asks what they left.

What is a fault of the database itself (its disk, its locks, its connection) only its adapter knows: it is asked, and
such a fault is raised as the driver has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from homeport.errors import HomeportError, MigrationError
from homeport.storage.migrations.revisions import REVISIONS, VERSIONS

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection, Engine

SCRIPTS: Final = VERSIONS.parent
_MOST_FINDINGS: Final = 20
_SAID: Final = 300

IsOuter = Callable[[BaseException], bool]
"""Whether a driver's error is the fault of disk, lock or connection, and not of what a statement says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as a migration must leave it."""

    revision: str
    text: str


def configuration() -> Config:
    """Alembic's configuration, which depends on no file and no working directory."""
    from alembic.config import Config

    config = Config()
    # A % in a path would else be taken for a reference to another setting.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(
    engine: Engine, revision: str, place: str, is_outer: IsOuter, *, finish: Callable[[Connection], None]
) -> None:
    """Brings a database to a revision in one transaction.

    It stays there only where every migration that ran finds it as it must be.

    Args:
        engine: its transactions begin with the right to write.
        revision: the one to reach.
        place: what errors call the database.
        is_outer: see :data:`IsOuter`.
        finish: done last in the same transaction.

    Raises:
        MigrationError: a migration failed, or what it left is not right; the database is as it was.
        Exception: the driver's error where ``is_outer`` says so; the database is as it was.
    """
    from alembic import command
    from alembic.migration import MigrationContext
    from sqlalchemy.exc import DBAPIError

    config = configuration()
    applied: list[str] = []
    pending: Sequence[str] = ()
    config.attributes["applied"] = lambda step, **_: applied.append(step.up_revision_id)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            pending = _between(MigrationContext.configure(connection).get_current_revision(), revision)
            command.upgrade(config, revision)
            _check(connection, place, applied, is_outer)
            finish(connection)
    except DBAPIError as error:
        found: BaseException = error.orig or error
        if is_outer(found):
            raise found from error
        raise _failed(place, pending[len(applied) :], found) from error
    except (HomeportError, OSError):
        raise
    except Exception as error:
        if is_outer(error):
            raise
        # Whatever a migration raises has undone it, and is told with its name.
        raise _failed(place, pending[len(applied) :], error) from error


def usable_from(revision: str) -> int:
    """The number of the oldest revision whose release can use a database of this one."""
    oldest = revision
    for known in reversed(REVISIONS[: REVISIONS.index(revision) + 1]):
        oldest = known
        if not _script(known).PREVIOUS_RELEASE_CAN_RUN:
            break
    return int(oldest)


def previous_can_run(pending: Sequence[str]) -> bool:
    """Whether the release before all of these can go on using a database on which they ran."""
    return all(_script(revision).PREVIOUS_RELEASE_CAN_RUN for revision in pending)


def verify(connection: Connection, revisions: Iterable[str], is_outer: IsOuter) -> list[Finding]:
    """What is not as these revisions must have left it.

    Raises:
        MigrationError: one of them cannot say.
        DBAPIError: the database cannot be read.
    """
    from sqlalchemy.exc import DBAPIError

    found = []
    for revision in revisions:
        try:
            found += [Finding(revision, text) for text in _script(revision).verify(connection)]
        except Exception as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if cause is not None and is_outer(cause):
                raise
            said = _words(cause or error)
            sentence = f"What migration {revision} left could not be verified: {said}. The database is as it was."
            raise MigrationError(sentence, "Correct its verify.", migration=revision) from error
    return found


def _check(connection: Connection, place: str, applied: Sequence[str], is_outer: IsOuter) -> None:
    findings = verify(connection, applied, is_outer)
    if findings:
        first, more = findings[0], len(findings) - 1
        raise MigrationError(
            f"Migration {first.revision} of {place} ran, and did not leave what it must: {first.text}"
            f"{f' And {more} more.' if more else ''} It was undone; the database is as it was.",
            "Correct the migration or the data; homeport migrate ENV --dry-run tries it on a copy.",
            migration=first.revision,
            findings=[asdict(one) for one in findings[:_MOST_FINDINGS]],
        )


def _failed(place: str, left: Sequence[str], error: BaseException) -> MigrationError:
    which = f"Migration {left[0]}" if left else "A migration"
    return MigrationError(
        f"{which} of {place} failed: {_words(error)}. The database is as it was.",
        "Correct the migration; homeport migrate ENV --dry-run tries it on a copy.",
        migration=left[0] if left else None,
    )


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:_SAID] or type(error).__name__


def _between(before: str | None, until: str) -> Sequence[str]:
    """The revisions that lead from one to another, the oldest first."""
    start = REVISIONS.index(before) + 1 if before in REVISIONS else 0
    return REVISIONS[start : REVISIONS.index(until) + 1]


@cache
def _script(revision: str) -> Any:  # noqa: ANN401 - a module of migrations/versions
    [file] = VERSIONS.glob(f"r{revision}_*.py")
    return import_module(f"homeport.storage.migrations.versions.{file.stem}")
