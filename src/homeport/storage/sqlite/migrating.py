"""Runs migrations, in one transaction: a database is of the old schema or of the new one, also after a crash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pysqlite3 import dbapi2

from homeport.errors import HomeportError, MigrationError
from homeport.storage.sqlite.faults import primary_code
from homeport.storage.sqlite.revisions import HEAD, REVISIONS, VERSIONS

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection, Engine

SCRIPTS: Final = VERSIONS.parent
_MOST_FINDINGS: Final = 20
_SAID: Final = 300


def configuration() -> Config:
    """Alembic's configuration, which depends on no file and no working directory."""
    from alembic.config import Config

    config = Config()
    # A % in a path would else be taken for a reference to another setting.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def engine(path: Path, *, wait_ms: int = 0) -> Engine:
    """An engine on a database file, whose transactions begin with the right to write."""
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    def connected() -> Any:  # noqa: ANN401 - the driver has no types
        # In autocommit mode: the driver would else end a transaction before statements that change the schema.
        return dbapi2.connect(str(path), timeout=wait_ms / 1000, isolation_level=None)

    made = create_engine("sqlite://", module=dbapi2, creator=connected, poolclass=NullPool)

    @event.listens_for(made, "begin")
    def begin(connection: Any) -> None:  # noqa: ANN401 - as above
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return made


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as a migration must leave it."""

    revision: str
    text: str


def migrate(path: Path, *, revision: str = HEAD, wait_ms: int = 0) -> None:
    """Brings a database to a revision, and keeps it only where every migration that ran finds it as it must be.

    Raises:
        DatabaseError: the disk, the file or a lock did not let it; the database is as it was.
        MigrationError: a migration failed, or what it left is not right; the database is as it was.
    """
    from alembic import command
    from alembic.migration import MigrationContext
    from sqlalchemy.exc import DBAPIError

    config = configuration()
    applied: list[str] = []
    pending: Sequence[str] = ()
    config.attributes["applied"] = lambda step, **_: applied.append(step.up_revision_id)
    made = engine(path, wait_ms=wait_ms)
    try:
        with made.begin() as connection:
            config.attributes["connection"] = connection
            pending = _between(MigrationContext.configure(connection).get_current_revision(), revision)
            command.upgrade(config, revision)
            _check(connection, path, applied)
            connection.exec_driver_sql(f"PRAGMA user_version = {usable_from(revision)}")
    except DBAPIError as error:
        found: BaseException = error.orig or error
        if isinstance(found, dbapi2.Error) and _is_of_the_disk(found):
            raise found from error
        raise _failed(path, pending[len(applied) :], found) from error
    except (HomeportError, OSError):
        raise
    except Exception as error:
        # Whatever a migration raises has undone it, and is told with its name.
        raise _failed(path, pending[len(applied) :], error) from error
    finally:
        made.dispose()


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


def verify(connection: Connection, revisions: Iterable[str]) -> list[Finding]:
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
            if isinstance(cause, dbapi2.Error) and _is_of_the_disk(cause):
                raise
            said = _words(cause or error)
            sentence = f"What migration {revision} left could not be verified: {said}. The database is as it was."
            raise MigrationError(sentence, "Correct its verify.", migration=revision) from error
    return found


def _check(connection: Connection, path: Path, applied: Sequence[str]) -> None:
    findings = verify(connection, applied)
    if findings:
        first, more = findings[0], len(findings) - 1
        raise MigrationError(
            f"Migration {first.revision} of {path} ran, and did not leave what it must: {first.text}"
            f"{f' And {more} more.' if more else ''} It was undone; the database is as it was.",
            "Correct the migration or the data; homeport migrate ENV --dry-run tries it on a copy.",
            migration=first.revision,
            findings=[asdict(one) for one in findings[:_MOST_FINDINGS]],
        )


def _failed(path: Path, left: Sequence[str], error: BaseException) -> MigrationError:
    which = f"Migration {left[0]}" if left else "A migration"
    return MigrationError(
        f"{which} of {path} failed: {_words(error)}. The database is as it was.",
        "Correct the migration; homeport migrate ENV --dry-run tries it on a copy.",
        migration=left[0] if left else None,
    )


def _is_of_the_disk(error: dbapi2.Error) -> bool:
    """Whether disk, file or lock are the cause, and not what the statement says."""
    return primary_code(error) not in (0, dbapi2.SQLITE_ERROR, dbapi2.SQLITE_CONSTRAINT, dbapi2.SQLITE_MISMATCH)


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
