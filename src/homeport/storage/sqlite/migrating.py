"""Runs migrations, in one transaction: a database is of the old schema or of the new one, also after a crash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pysqlite3 import dbapi2

from homeport.storage.sqlite.revisions import HEAD

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Engine

SCRIPTS: Final = Path(__file__).parent.parent / "migrations"


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


def migrate(path: Path, *, revision: str = HEAD, wait_ms: int = 0) -> None:
    """Brings a database to a revision.

    Raises:
        DatabaseError: it could not; the database is as it was.
    """
    from alembic import command
    from sqlalchemy.exc import DBAPIError

    config = configuration()
    made = engine(path, wait_ms=wait_ms)
    try:
        with made.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except DBAPIError as error:
        raise error.orig or error from error
    finally:
        made.dispose()
